"""A folder of the user: images, masks and a class list."""
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
    """Images of any common suffix, 8-bit masks of ids, ``classes.txt``.

    The mask of ``images/a/b.jpg`` is ``masks/a/b.png``, of grey or with a
    palette. Masks of 16 bits or in colours are to be converted first:
    ``mmseg-panet prepare-data masks``.

    Args:
        data_root (str): The folder.
        data_prefix (Mapping, optional): Folders in it, or full paths.
            Defaults to ``dict(img_path='images', seg_map_path='masks')``,
            and either may be given alone.
        classes_file (str): In the folder, see :func:`read_class_list`; not
            read when ``metainfo`` has the classes. Defaults to
            'classes.txt'.
        metainfo (Mapping, optional): ``classes``, the names by id, and
            ``palette``.
        **kwargs: Of ``BaseSegDataset``. ``ann_file`` lists images, one a
            line, with or without suffix; without it, all are taken.

    Raises:
        InputError: If a folder or file is missing, a listed image is not
            there, two images would share a mask, or as
            :func:`read_class_list` says.
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
        """List the images, in the order of their list or of their names."""
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
