"""The overlay video: the frames of a video under their masks."""
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from rich.progress import Progress

from ...errors import InputError
from ...images.video_file import write_video
from ...visualization.legend import counted_entries
from ...visualization.overlay import OverlayStyle
from ...visualization.segmentation_plot import overlay_with_legend
from ...wording import counted
from ..images.image_list import ImageItem
from ..images.image_source import Video, VideoFrame
from .mask_file import mask_path, read_mask, read_summary


@dataclass(frozen=True)
class OverlayVideo:
    """A video with the masks of its frames that were segmented.

    Args:
        name (str): Name of the video among the images.
        video (Video): The video.
        masks (dict[int, Path]): Files of masks, by the numbers of the frames.
    """

    name: str
    video: Video
    masks: dict[int, Path]

    def write(self, path: Path, classes: Sequence[str], palette: np.ndarray,
              style: OverlayStyle, bar: Progress | None = None) -> None:
        """Write it with the length and the rate of the video.

        A frame that was not segmented has the mask of the last one that was.
        A frame that cannot be read is replaced by the one before it. The
        legend lists the classes of all masks, and their shares of all pixels
        of these. One frame at a time is in memory, and there is no sound.

        Args:
            path (Path): Path of the file, see :func:`write_video`.
            classes (Sequence[str]): Names of the labels 1..W.
            palette (np.ndarray): See :func:`class_palette`.
            style (OverlayStyle): What it looks like.
            bar (Progress, optional): What shows the progress. Defaults to
                none.

        Raises:
            InputError: If frames cannot be read; the video has the others.
                Or if OpenCV cannot write such a video.
            WriteError: If the file could not be written completely.
        """
        pixels = np.zeros(len(palette), np.int64)
        for mask in self.masks.values():
            for label, area, _ in read_summary(mask).areas:
                pixels[label] += area
        entries = counted_entries(pixels, classes, palette)
        unread: list[int] = []
        pictures = (
            overlay_with_legend(
                frame, labels, classes, palette, style, entries)
            for frame, labels in self._frames(unread))
        total = len(self.video)
        if bar is not None:
            pictures = bar.track(  # type: ignore[assignment]
                pictures, total, description='Writing a video')
        write_video(path, pictures, self.video.rate)
        if unread:
            raise InputError(
                f"{self.video.path}: {counted(len(unread), 'frame')} of "
                f'{total} cannot be read, the first of them frame '
                f'{unread[0]}, and {path} is without them; the video is '
                'damaged or cut short there; replace it')

    def _frames(self, unread: list[int]
                ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Read frames (H, W, 3) RGB and the labels (H, W) to show on each."""
        shown = labels = None
        held = 0
        for number in range(len(self.video)):
            if number in self.masks:
                labels = read_mask(self.masks[number])
            try:
                frame = self.video.read(number)[..., ::-1]
            except InputError:
                unread.append(number)
                held += 1
                continue
            if shown is not None:
                # It comes before the frames that follow it, not after the
                # end of a video that is cut short.
                yield from [shown] * held
                frame = _fitted(frame, shown[0].shape[:2], cv2.INTER_AREA)
            held = 0
            of_frame = np.zeros(
                frame.shape[:2], np.uint8) if labels is None else _fitted(
                    labels, frame.shape[:2], cv2.INTER_NEAREST)
            shown = frame, of_frame
            yield shown


def _fitted(array: np.ndarray, size: Sequence[int],
            method: int) -> np.ndarray:
    """Resize what differs in size, as a video may change it halfway."""
    if array.shape[:2] == tuple(size):
        return array
    return cv2.resize(array, size[::-1], interpolation=method)


def list_videos(items: Iterable[ImageItem],
                out_dir: Path) -> list[OverlayVideo]:
    """Collect the frames of each video among images.

    Args:
        items (Iterable[ImageItem]): Images that have a mask.
        out_dir (Path): The folder of the results.
    """
    videos: dict[int, OverlayVideo] = {}
    for item in items:
        if isinstance(item.source, VideoFrame):
            video, number = item.source
            one = videos.setdefault(id(video), OverlayVideo(
                str(PurePosixPath(item.name).parent), video, {}))
            one.masks[number] = mask_path(out_dir, item.name)
    return list(videos.values())
