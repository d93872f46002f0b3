"""Pipelines whose first steps are kept on the disk."""
from collections.abc import Callable, Sequence
from typing import Any

from mmcv.transforms import Compose, LoadImageFromFile, Pad
from mmcv.transforms import Resize as PlainResize
from mmseg.datasets.transforms import Resize

from .image_cache import ImageCache, load_image_cache
from .transforms import EpisodeLabels
from .transforms.dependence import dependence


class CachedPipeline(Compose):
    """A pipeline that goes on from what is kept of an image.

    A mask that is to be grown is loaded the ordinary way: it grows before
    the resizes.

    Args:
        transforms (Sequence[Callable]): All steps.
        cache (ImageCache): What the first of them make of every image.
        rest (Sequence[Callable]): The steps after those.
    """

    def __init__(self, transforms: Sequence[Callable], cache: ImageCache,
                 rest: Sequence[Callable]) -> None:
        super().__init__(transforms)
        self.cache = cache
        self.rest = Compose(rest)

    def transform(self, results: dict) -> dict | None:
        """Run the pipeline on one image.

        Args:
            results (dict): A data info, with ``image_index`` in the cache.

        Returns:
            dict | None: As all steps one after the other give it.
        """
        kept = None if results.get('grow') else self.cache.restore(
            results['image_index'])
        if kept is None:
            return super().transform(results)
        return self.rest(results | kept)


def split_steps(steps: Sequence[Callable]) -> tuple[list, list]:
    """Split a pipeline into what an image keeps and what an episode adds.

    The kept part is the steps at the start that depend on the image alone.
    ``EpisodeLabels`` is a map of single pixels, so it is moved behind those
    resizes and pads that follow it and do not notice.

    Args:
        steps (Sequence[Callable]): The transforms.

    Returns:
        tuple[list, list]: Kept steps, none where the pipeline does not start
        with a ``LoadImageFromFile``, and the others.
    """
    kept: list = []
    labels: list[EpisodeLabels] = []
    for step in steps:
        if type(step) is EpisodeLabels and kept and not labels:
            labels.append(step)
        # An image that may be skipped leaves nothing to keep.
        elif (dependence(step) == 'image'
              and not getattr(step, 'ignore_empty', False)
              and all(_commute(one, step) for one in labels)):
            kept.append(step)
        else:
            break
    if not kept or type(kept[0]) is not LoadImageFromFile:
        return [], list(steps)
    return kept, [*labels, *steps[len(kept) + len(labels):]]


def cached_pipeline(pipeline: Compose, infos: Sequence[dict],
                    cache_dir: str | None = None) -> Compose:
    """Keep the first steps of a pipeline on the disk.

    Args:
        pipeline (Compose): The pipeline.
        infos (Sequence[dict]): mmseg's data infos, image by image.
        cache_dir (str, optional): See :func:`load_image_cache`.

    Returns:
        Compose: The same where nothing can be kept.

    Raises:
        InputError: As :func:`load_image_cache` says.
    """
    kept, rest = split_steps(pipeline.transforms)
    cache = load_image_cache(infos, kept, cache_dir) if kept else None
    return pipeline if cache is None else CachedPipeline(
        pipeline.transforms, cache, rest)


def _commute(labels: EpisodeLabels, step: Any) -> bool:
    """Whether a mask may be resized or padded before it is mapped."""
    if type(step) is Pad:
        return labels.void == 'ignore' and step.pad_val.get('seg', 255) == 255
    # Pillow's resize refuses ids beyond 8 bits.
    return type(step) in (Resize, PlainResize) and step.backend == 'cv2'
