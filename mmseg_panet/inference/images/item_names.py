"""The names of images to segment, which are those of their results."""
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from ...errors import InputError
from ...images.image_files import stem_of
from .image_source import Source, VideoFrame


def unique_names(found: Sequence[tuple[str, Source]]) -> list[str]:
    """Remove the suffixes of names that remain unique without them.

    Frames of a video are in one folder, which is that of no other video.

    Args:
        found (Sequence[tuple[str, Source]]): Names with suffixes, and
            sources, see :class:`ImageItem`; ``clip.mp4/000012`` is the name
            of a frame.

    Returns:
        list[str]: A name for each.

    Raises:
        InputError: If a name leads out of the folder of the results.
    """
    found = _with_video_folders(found)
    stems = [name if isinstance(source, VideoFrame) else stem_of(name)
             for name, source in found]
    sharing, times = Counter(stems), Counter[str]()
    names: dict[str, None] = {}
    for stem, (full, _) in zip(stems, found, strict=True):
        first = name = stem if sharing[stem] == 1 else full
        times[first] += 1
        while name in names:
            name = f'{first}_{times[first]}'
            times[first] += name in names
        names[name] = None
    for name in names:
        if '..' in name.split('/') or name.startswith('/'):
            raise InputError(
                f'{name} lies outside the part of its pattern without '
                'wildcards, so that its mask would lie outside the results; '
                'give its folder')
    return list(names)


def _with_video_folders(found: Sequence[tuple[str, Source]]
                        ) -> list[tuple[str, Source]]:
    """Name the folder of each video, without its suffix if it is unique."""
    paths = {id(source.video): PurePosixPath(name).parent
             for name, source in found if isinstance(source, VideoFrame)}
    stems = Counter(path.with_suffix('') for path in paths.values())
    frames = {
        path.parent.with_suffix('') / path.name for path in (
            PurePosixPath(name) for name, source in found
            if isinstance(source, VideoFrame))}
    images = {PurePosixPath(stem_of(name)) for name, source in found
              if not isinstance(source, VideoFrame)}
    taken = {path.parent for path in frames & images}
    folders: dict[str, int] = {}
    for key, path in paths.items():
        stem = path.with_suffix('')
        is_alone = stems[stem] == 1 and stem not in taken
        first = name = str(stem if is_alone else path)
        number = 1
        while name in folders:
            name = f'{first}_{number}'
            number += 1
        folders[name] = key
    names = {key: name for name, key in folders.items()}
    return [
        (f'{names[id(source.video)]}/{PurePosixPath(name).name}', source)
        if isinstance(source, VideoFrame) else (name, source)
        for name, source in found]
