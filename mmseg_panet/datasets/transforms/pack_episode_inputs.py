"""Packing of an image of an episode."""
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS

from ...errors import InputError

EPISODE_KEYS = (
    'run', 'episode', 'role', 'way', 'shot', 'class_ids', 'class_names',
    'way_pixels')


@TRANSFORMS.register_module()
class PackEpisodeInputs(PackSegInputs):
    """Pack an image with its labels and its role in the episode.

    In addition to mmseg's ``PackSegInputs``, ``ori_shape`` is set to the
    size of the labels, because mmseg resizes the predictions to it and
    compares them with the ground truth there. ``way_pixels`` of a support is
    set to the number of pixels of its way, so that an empty mask is detected
    without a GPU synchronization.

    Args:
        **kwargs (Any): Arguments of ``PackSegInputs``. Its ``meta_keys`` are
            extended by run, episode, role, way, shot, class_ids, class_names
            and way_pixels.
    """

    depends_on = 'episode'
    meta_keys: Sequence[str]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.meta_keys = (*self.meta_keys, *EPISODE_KEYS)

    def transform(self, results: dict) -> dict:
        """Pack the image, and check that its labels are episode labels.

        Raises:
            InputError: If a label is neither 0..W nor 255.
        """
        labels = results['gt_seg_map']
        num_ways = len(results['class_ids'])
        strange = labels[(labels > num_ways) & (labels != 255)]
        if strange.size:
            raise InputError(
                f'expected episode labels 0..{num_ways} and 255 in '
                f"{results['seg_map_path']}, got {strange[0]}; put "
                "dict(type='EpisodeLabels') after LoadAnnotations in "
                'support_pipeline and query_pipeline')
        results['ori_shape'] = labels.shape
        if results.get('role') == 'support':
            results['way_pixels'] = int(
                np.count_nonzero(labels == results['way']))
        return super().transform(results)
