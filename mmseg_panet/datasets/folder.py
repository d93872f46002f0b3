"""A user's data set: a folder of images, masks and a class list."""
import os
from collections.abc import Mapping
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ..annotations.class_list import read_class_list
from ..annotations.image_files import images_by_stem, stem_of
from ..errors import InputError
from ..files import read_lines


@DATASETS.register_module()
class FolderDataset(BaseSegDataset):
    """A data set of images, 8-bit masks of ids and a ``classes.txt``.

    The mask of ``images/a/b.jpg`` is ``masks/a/b.png``, a grey PNG or one
    with a palette. ``mmseg-panet prepare-data masks`` converts masks with 16
    bits or in RGB.

    Args:
        data_root (str): Path of the folder.
        data_prefix (Mapping, optional): Folders below ``data_root``, or full
            paths. Defaults to
            ``dict(img_path='images', seg_map_path='masks')``; a missing key
            keeps its default.
        classes_file (str): Path of the class list below ``data_root``, see
            :func:`read_class_list`. It is not read if ``metainfo`` contains
            the classes. Defaults to 'classes.txt'.
        metainfo (Mapping, optional): ``classes``, the names by id, and
            ``palette``. Defaults to None.
        **kwargs: Other arguments of ``BaseSegDataset``. ``ann_file`` lists
            the images, one per line, with or without suffix; without it, all
            images of the folder are used.

    Raises:
        InputError: If a folder, a file or a listed image is missing, two
            images have the same mask, or as for :func:`read_class_list`.
    """

    def __init__(self, data_root: str,
                 data_prefix: Mapping[str, str] | None = None,
                 classes_file: str = 'classes.txt',
                 metainfo: Mapping[str, Any] | None = None,
                 **kwargs: Any) -> None:
        prefix = dict(img_path='images', seg_map_path='masks')
        metainfo = dict(metainfo or {})
        if 'classes' not in metainfo:
            classes = read_class_list(os.path.join(data_root, classes_file))
            colours = classes.palette()[:len(classes.names)].tolist()
            metainfo = dict(classes=classes.names, palette=colours) | metainfo
        super().__init__(
            data_root=data_root, data_prefix=prefix | dict(data_prefix or {}),
            metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the images in the order of ``ann_file`` or of their names."""
        folder = self.data_prefix['img_path']
        images = images_by_stem(folder)
        stems = self._listed(images) if self.ann_file else list(images)
        if not stems:
            raise InputError(
                f'there is no image in {self.ann_file or folder}; expected '
                '.jpg, .png, .webp, .bmp or .tif files')
        masks = self.data_prefix['seg_map_path']
        return [
            dict(img_path=images[stem],
                 seg_map_path=os.path.join(masks, stem + self.seg_map_suffix),
                 label_map=self.label_map, seg_fields=[],
                 reduce_zero_label=self.reduce_zero_label)
            for stem in stems]

    def _listed(self, images: Mapping[str, str]) -> list[str]:
        """Read the stems of the images in ``ann_file``."""
        stems = []
        for number, line in read_lines(
                self.ann_file, 'it lists the images').items():
            stems.append(line if line in images else stem_of(line))
            if stems[-1] not in images:
                raise InputError(
                    f'{self.ann_file}, line {number}: there is no image '
                    f"{line!r} in {self.data_prefix['img_path']}; add it or "
                    'remove the line')
        return stems
