"""From the labels of a data set to the labels of an episode."""
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class EpisodeLabels(BaseTransform):
    """Map class ids to ways: 0 background, i way i, 255 ignored.

    Classes outside the episode become background. It comes right after
    ``LoadAnnotations``, so that all later transforms see episode labels.

    Required keys: ``gt_seg_map`` (H, W) of class ids, ``class_ids`` (W,).
    Modified key: ``gt_seg_map`` (H, W) uint8.
    """

    def transform(self, results: dict) -> dict:
        """Map the labels of one image."""
        table = np.zeros(256, dtype=np.uint8)
        for way, class_id in enumerate(results['class_ids'], start=1):
            table[class_id] = way
        table[255] = 255
        results['gt_seg_map'] = table[results['gt_seg_map']]
        return results
