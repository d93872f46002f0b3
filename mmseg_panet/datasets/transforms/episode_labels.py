"""Mapping of a data set's labels to the labels of an episode."""
import cv2
import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ...annotations.label_type import IGNORED, ignored_of
from ...errors import InputError, check_choice

VOID = ('ignore', 'background')


@TRANSFORMS.register_module()
class EpisodeLabels(BaseTransform):
    """Map class ids to episode labels: 0 background, i way i, 255 ignored.

    Classes outside the episode become background. Place this transform right
    after ``LoadAnnotations``, so that all later transforms receive episode
    labels.

    Required keys: ``gt_seg_map`` (H, W) of class ids, ``class_ids`` (W,).
    Ignored pixels are 65535 in uint16, as ``LoadWideAnnotations`` loads
    them, and 255 in other types.
    Optional keys: ``num_classes``, the number of classes of the data set, to
    detect invalid ids; ``ignored_ids``, the classes that become 255 instead
    of background; ``grow``, the number of pixels by which the region of
    ``way`` is grown.
    Modified key: ``gt_seg_map`` (H, W) uint8.

    Args:
        void (str): Treatment of ignored pixels. 'ignore' makes them 255;
            'background' makes them background, as PANet's released code does
            in supports. Defaults to 'ignore'.

    Raises:
        InputError: If ``void`` is unknown.
    """

    depends_on = 'episode'

    def __init__(self, void: str = 'ignore') -> None:
        check_choice('void', void, VOID)
        self.void = void

    def transform(self, results: dict) -> dict:
        """Map the labels of one image.

        Raises:
            InputError: If an id is neither a class of the data set nor that
                of ignored pixels, or there are more than 254 ways.
        """
        ids = results['gt_seg_map']
        void = ignored_of(ids.dtype)
        known = results.get('num_classes', 1 + void)
        strange = ids[(ids >= known) & (ids != void)]
        if strange.size:
            raise InputError(
                f'expected ids 0..{known - 1} and {void} as labels of '
                f"{results.get('img_path')}, got {strange[0]}; correct its "
                'mask or scribbles')
        if len(results['class_ids']) >= IGNORED:
            raise InputError(
                f'expected at most {IGNORED - 1} classes for the labels of '
                f"{results.get('img_path')}, got {len(results['class_ids'])}; "
                'use fewer ways, or leave out the image')
        table = np.zeros(max(1 + void, known), np.uint8)
        table[list(results.get('ignored_ids', ()))] = IGNORED
        table[void] = IGNORED if self.void == 'ignore' else 0
        for way, class_id in enumerate(results['class_ids'], start=1):
            table[class_id] = way
        labels = table[ids]
        if results.get('grow'):
            region = (labels == results['way']).astype(np.uint8)
            grown = cv2.dilate(
                region, np.ones((3, 3), np.uint8), iterations=results['grow'])
            labels[grown > 0] = results['way']
        results['gt_seg_map'] = labels
        return results


@TRANSFORMS.register_module()
class PadLabelsToSquare(BaseTransform):
    """Pad a mask to a square with ignored pixels at its right or bottom.

    This reproduces PFENet's evaluation of a query: the image is resized with
    its aspect ratio and padded to a square, and the square of logits is
    resized to the square around the ground truth in its original size.

    Modified key: ``gt_seg_map``, from (H, W) to (L, L) with L = max(H, W).
    """

    depends_on = 'image'

    def transform(self, results: dict) -> dict:
        """Pad the labels of one image."""
        side = max(results['gt_seg_map'].shape)
        results['gt_seg_map'] = mmcv.impad(
            results['gt_seg_map'], shape=(side, side), pad_val=IGNORED)
        return results
