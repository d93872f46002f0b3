"""The pictures of a complete job: overlay videos and contact sheets."""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError, check_choice
from ...files import keep_inputs, prepare_output
from ...images.decoder import PLAIN
from ...images.reading import ImageReading
from ...images.video_file import VIDEO_FORMATS
from ...progress import progress_bar
from ...visualization.overlay import OverlayStyle
from ..images.image_list import ImageItem
from ..images.image_source import Video, is_video
from .contact_sheet import check_contact_sheet, write_contact_sheet
from .overlay_video import list_videos


@dataclass(frozen=True)
class Pictures:
    """What is written of all images at the end, from their masks.

    It is written again whenever the job runs, so that it never mixes two
    styles.

    Args:
        video (str, optional): Format of overlay videos, one of
            :data:`VIDEO_FORMATS`. Defaults to none.
        contact_sheet (bool): Whether there is a contact sheet. Defaults to
            False.
        style (OverlayStyle): What they look like. Defaults to a legend
            without names on the objects.

    Raises:
        InputError: If there is no such format.
    """

    video: str | None = None
    contact_sheet: bool = False
    style: OverlayStyle = OverlayStyle()

    def __post_init__(self) -> None:
        if self.video is not None:
            check_choice('the format of a video', self.video, VIDEO_FORMATS)

    def check(self, out_dir: Path, items: Sequence[ImageItem]) -> None:
        """Check images and folders, before the work begins.

        Args:
            out_dir (Path): The folder of the results.
            items (Sequence[ImageItem]): The images.

        Raises:
            InputError: If there is no video, an output is one of the images
                or not writable, or there are contact sheets from elsewhere.
        """
        if self.contact_sheet:
            check_contact_sheet(out_dir)
        if self.video is None:
            return
        videos = list_videos(items, out_dir)
        if not videos:
            for one in items:
                if one.path is not None and is_video(one.path):
                    Video(one.path)  # It says why it is none.
            raise InputError(
                'expected a video among the images for an overlay video '
                "(--video), got none; name a video, or several as 'DIR/*.mp4' "
                '(those of a folder are not searched), or leave it out')
        outputs = [self._path(out_dir, one.name) for one in videos]
        keep_inputs(outputs, [one.video.path for one in videos])
        for path in outputs:
            prepare_output(path)

    def write(self, out_dir: Path, items: Sequence[ImageItem],
              classes: Sequence[str], palette: np.ndarray,
              reading: ImageReading = PLAIN, show_progress: bool = False
              ) -> list[tuple[str, InputError]]:
        """Write all pictures, with one image at a time in memory.

        Args:
            out_dir (Path): The folder of the results.
            items (Sequence[ImageItem]): Images that have a mask.
            classes (Sequence[str]): Names of the labels 1..W.
            palette (np.ndarray): See :func:`class_palette`.
            reading (ImageReading): See :func:`read_image`.
            show_progress (bool): Whether to show bars. Defaults to False.

        Returns:
            list[tuple[str, InputError]]: The paths below ``out_dir`` of
            videos that are incomplete or cannot be written, and why.

        Raises:
            InputError: If an image cannot be read any more.
            WriteError: If a file cannot be written.
        """
        if self.contact_sheet:
            write_contact_sheet(
                out_dir, items, classes, palette, self.style, reading,
                show_progress)
        failures = []
        if self.video is not None:
            with progress_bar(show_progress) as bar:
                for one in list_videos(items, out_dir):
                    path = self._path(out_dir, one.name)
                    try:
                        one.write(path, classes, palette, self.style, bar)
                    except InputError as error:
                        failures.append((
                            path.relative_to(out_dir).as_posix(), error))
        return failures

    def _path(self, out_dir: Path, name: str) -> Path:
        return out_dir / 'overlays' / f'{name}.{self.video}'
