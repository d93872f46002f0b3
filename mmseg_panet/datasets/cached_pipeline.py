"""Pipelines that cache the results of their first steps on disk."""
from collections.abc import Callable, Sequence
from typing import Any

from mmcv.transforms import Compose, LoadImageFromFile, Pad
from mmcv.transforms import Resize as PlainResize
from mmseg.datasets.transforms import Resize

from .image_cache import ImageCache, load_image_cache
from .transforms import EpisodeLabels, LoadOrientedImage, LoadWideAnnotations
from .transforms.dependence import dependence


class CachedPipeline(Compose):
    """A pipeline that continues from the cached result of its first steps.

    The cache is not used for a mask that has to be grown, as it is grown
    before the resizes.

    Args:
        transforms (Sequence[Callable]): All steps of the pipeline.
        cache (ImageCache): Results of the first steps for every image.
        rest (Sequence[Callable]): The steps after the cached ones.
    """

    def __init__(self, transforms: Sequence[Callable], cache: ImageCache,
                 rest: Sequence[Callable]) -> None:
        super().__init__(transforms)
        self.cache = cache
        self.rest = Compose(rest)

    def transform(self, results: dict) -> dict | None:
        """Run the pipeline on one image.

        Args:
            results (dict): Data info of the image, with its
                ``image_index`` in the cache.

        Returns:
            dict | None: The same result as that of all steps in sequence.
        """
        cached = None if results.get('grow') else self.cache.restore(
            results['image_index'])
        if cached is None:
            return super().transform(results)
        return self.rest(results | cached)


def split_steps(steps: Sequence[Callable]) -> tuple[list, list]:
    """Split a pipeline into the steps to cache and the remaining steps.

    The steps to cache are those at the start that depend only on the image.
    ``EpisodeLabels`` maps every pixel by itself, so it is moved behind
    resizes and pads that follow it and commute with it.

    Args:
        steps (Sequence[Callable]): Transforms of the pipeline.

    Returns:
        tuple[list, list]: The steps to cache and the remaining ones. There
        are no steps to cache if the pipeline does not start with a
        ``LoadOrientedImage`` or a ``LoadImageFromFile``.
    """
    cached: list = []
    labels: list[EpisodeLabels] = []
    for step in steps:
        if type(step) is EpisodeLabels and cached and not labels:
            labels.append(step)
        # With ignore_empty, a step may return no image that can be cached.
        elif (dependence(step) == 'image'
              and not getattr(step, 'ignore_empty', False)
              and all(_commute(one, step, cached) for one in labels)):
            cached.append(step)
        else:
            break
    if not cached or type(cached[0]) not in (
            LoadImageFromFile, LoadOrientedImage):
        return [], list(steps)
    return cached, [*labels, *steps[len(cached) + len(labels):]]


def cached_pipeline(pipeline: Compose, infos: Sequence[dict],
                    cache_dir: str | None = None) -> Compose:
    """Cache the results of the first steps of a pipeline on disk.

    Args:
        pipeline (Compose): The pipeline.
        infos (Sequence[dict]): mmseg's data infos of all images.
        cache_dir (str, optional): Folder of all caches, see
            :func:`load_image_cache`.

    Returns:
        Compose: A pipeline with the same results; the given one if nothing
        can be cached.

    Raises:
        InputError: As for :func:`load_image_cache`.
    """
    cached, rest = split_steps(pipeline.transforms)
    cache = load_image_cache(infos, cached, cache_dir) if cached else None
    return pipeline if cache is None else CachedPipeline(
        pipeline.transforms, cache, rest)


def _commute(labels: EpisodeLabels, step: Any, cached: Sequence) -> bool:
    """Check whether a mask may be resized or padded before it is mapped."""
    if type(step) is Pad:
        # 255 is a class in masks of 16 bits.
        wide = any(isinstance(one, LoadWideAnnotations) for one in cached)
        return not wide and labels.void == 'ignore' and (
            step.pad_val.get('seg', 255) == 255)
    # Pillow cannot resize ids of more than 8 bits.
    return type(step) in (Resize, PlainResize) and step.backend == 'cv2'
