"""The packing of the results of a call."""
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from ...errors import InputError
from ...images.reading import ImageReading
from ...wording import printable
from ..images.image_list import ImageItem
from .out_folder import OutFolder
from .prediction import label_names, to_sample
from .segmentation_result import SegmentationResult


def pack_results(preds: Sequence[Any], visualization: list[np.ndarray | None],
                 return_datasample: bool, items: Sequence[ImageItem],
                 folder: OutFolder | None, alone: bool,
                 classes: tuple[str, ...], palette: np.ndarray,
                 classifier: str, reading: ImageReading) -> Any:
    """Pack the results of images nearly as ``MMSegInferencer`` does.

    That returns no list if there is one image. Here it depends on what was
    asked for, and not on how many images a folder has.

    Args:
        preds (Sequence[Prediction | InputError]): The prediction of each
            image, or why it cannot be read.
        visualization (list[np.ndarray | None]): Overlays, or none.
        return_datasample (bool): See :meth:`ImageInferencer.__call__`.
        items (Sequence[ImageItem]): The images.
        folder (OutFolder, optional): Where files were written.
        alone (bool): Whether one image was asked for, and not a folder, a
            glob pattern, a video or a list.
        classes (tuple[str, ...]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.
        classifier (str): What classified the images.
        reading (ImageReading): See :func:`read_image`.

    Returns:
        SegmentationResult | SegDataSample | list[SegDataSample | None]:
        Samples, see :func:`to_sample`, or a dict. For each image it has
        ``predictions``, class maps (H, W), see :class:`Prediction`: 0
        none of the classes, i the i-th of ``classes``, 255 undecided, or
        65535 with more than 254 classes; ``confidence`` (H, W) float32;
        where they were asked for ``probabilities`` (1 + W, H, W)
        float32, "none" first, and ``visualization`` (H, W, 3) uint8 RGB;
        ``names``; ``paths`` as they were given, None for images in
        memory; and ``files``, the paths of ``mask`` and ``overlay``
        where they were written, otherwise None. Each is a list, with
        None for the results of an image that cannot be read; but with
        ``alone`` it is the single value. For all images it has
        ``classes``, the names; ``class_names``, those by label, with
        none and undecided; ``classifier``; ``out_dir``; and
        ``failures``, the sentences about images that cannot be read, by
        name.

    Raises:
        InputError: If the image cannot be read and is ``alone``.
    """
    failures = {
        item.name: str(one) for item, one in zip(items, preds, strict=True)
        if isinstance(one, InputError)}
    for name, sentence in failures.items():
        if alone:
            raise preds[0]
        print_log(f'{printable(name)}: {sentence}', 'current',
                  logging.WARNING)
    files = [
        None if folder is None or isinstance(one, InputError)
        else folder.files_of(item)
        for item, one in zip(items, preds, strict=True)]
    if return_datasample:
        samples = [
            to_sample(one, item, classifier, written)
            for one, item, written in zip(
                preds, items, files, strict=True)]
        return samples[0] if alone else samples
    # An InputError has none of these.
    packed: dict[str, list] = {
        key: [getattr(one, name, None) for one in preds]
        for key, name in (
            ('predictions', 'class_map'), ('confidence', 'confidence'),
            ('probabilities', 'probabilities'))}
    if all(one is None for one in packed['probabilities']):
        del packed['probabilities']
    if visualization:
        packed['visualization'] = visualization
    class_maps = packed['predictions']
    packed |= dict(
        names=[item.name for item in items],
        paths=[item.path for item in items], files=files)
    return SegmentationResult(dict(
        {key: column[0] if alone else column
         for key, column in packed.items()},
        classes=classes, class_names=label_names(classes),
        classifier=classifier,
        out_dir=None if folder is None else str(folder.path),
        failures=failures), items, class_maps, palette,
        reading)
