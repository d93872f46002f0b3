"""The loader of masks with 16 bits, for more than 254 classes."""
import mmcv
import numpy as np
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from ...annotations.label_type import IGNORED, WIDE_IGNORED
from ...errors import InputError


@TRANSFORMS.register_module()
class LoadWideAnnotations(LoadAnnotations):
    """Load a mask of class ids with 16 bits, or with 8 bits.

    It takes the place of mmseg's ``LoadAnnotations``, which truncates ids to
    8 bits, in data sets with more than 254 classes. In a mask with 16 bits,
    65535 is ignored, and 255 is a class. In a mask with 8 bits, 255 is
    ignored and becomes 65535. The data set's ``reduce_zero_label`` and
    ``label_map`` are applied as in mmseg.

    Required keys: ``seg_map_path``, ``reduce_zero_label``, ``label_map``
    (optional), ``seg_fields``.
    Added keys: ``gt_seg_map`` (H, W) uint16, and ``seg_fields``.
    """

    depends_on = 'image'

    def _load_seg_map(self, results: dict) -> None:
        path = results['seg_map_path']
        labels = mmcv.imfrombytes(
            fileio.get(path, backend_args=self.backend_args),
            flag='unchanged', backend=self.imdecode_backend)
        if labels.shape[2:] == (1,):
            labels = labels[..., 0]
        # 32 bits, as in some TIFF files, and floating-point numbers.
        if labels.min() < 0 or labels.max() > WIDE_IGNORED or (
                labels.dtype.kind not in 'bui'):
            raise InputError(
                f'{path} has values {labels.min()}..{labels.max()} of '
                f'{labels.dtype}: expected ids 0..{WIDE_IGNORED}; save the '
                'mask as a PNG of 16 bits')
        ids = labels.astype(np.uint16)
        if labels.dtype == np.uint8:
            ids[ids == IGNORED] = WIDE_IGNORED
        if results['reduce_zero_label']:
            # 0 becomes 65535, and 65535 stays.
            ids = np.where(ids == WIDE_IGNORED, ids, ids - np.uint16(1))
        if results.get('label_map') is not None:
            ids = _table(results['label_map'], path)[ids]
        results['gt_seg_map'] = ids
        results['seg_fields'].append('gt_seg_map')


def _table(label_map: dict[int, int], path: str) -> np.ndarray:
    """Turn the ``label_map`` of a data set into a table of all 65536 ids.

    mmseg maps classes that are not selected to 255.
    """
    table = np.arange(1 + WIDE_IGNORED, dtype=np.uint16)
    table[list(label_map)] = list(label_map.values())
    to_255 = [old for old, new in label_map.items() if new == IGNORED]
    if max(label_map.values(), default=0) <= IGNORED:
        table[to_255] = WIDE_IGNORED
    elif len(to_255) > 1:
        raise InputError(
            f'{path}: the label_map of its data set has the classes '
            f'{to_255[:10]} at 255, and classes above it: expected 255 for '
            'the class 255 only; map other classes to 65535 in '
            'get_label_map of the data set')
    return table
