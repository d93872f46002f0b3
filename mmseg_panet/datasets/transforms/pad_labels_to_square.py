"""Padding of a query's truth to a square."""
import mmcv
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from .episode_labels import IGNORED


@TRANSFORMS.register_module()
class PadLabelsToSquare(BaseTransform):
    """Pad a mask at its right or bottom to a square of ignored pixels.

    With it a query is scored as PFENet does: the image is resized with its
    ratio kept and padded to a square, and the square of logits is resized to
    the square around the truth of its own size.

    Modified key: ``gt_seg_map`` (H, W) to (L, L), L = max(H, W).
    """

    depends_on = 'image'

    def transform(self, results: dict) -> dict:
        """Pad the labels of one image."""
        labels = results['gt_seg_map']
        side = max(labels.shape)
        results['gt_seg_map'] = mmcv.impad(
            labels, shape=(side, side), pad_val=IGNORED)
        return results
