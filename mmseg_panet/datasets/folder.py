"""A user's data set: a folder of images, masks and a class list."""
import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from ..annotations.class_list import BACKGROUND, read_class_list
from ..annotations.label_type import ignored_label
from ..errors import InputError
from ..files import read_lines
from ..images.image_files import images_by_stem, stem_of


@DATASETS.register_module()
class FolderDataset(BaseSegDataset):
    """A data set of images, masks of ids and a ``classes.txt``.

    The mask of ``images/a/b.jpg`` is ``masks/a/b.png``, a grey PNG or one
    with a palette. With more than 254 classes, it is a grey PNG of 16 bits,
    which :class:`LoadWideAnnotations` loads. ``mmseg-panet prepare-data
    masks`` converts other masks.

    Args:
        data_root (str): Path of the folder.
        data_prefix (Mapping, optional): Folders below ``data_root``, or full
            paths. Defaults to
            ``dict(img_path='images', seg_map_path='masks')``; a missing key
            keeps its default.
        classes_file (str): Path of the class list below ``data_root``, see
            :func:`read_class_list`. It is not read if ``metainfo`` contains
            the classes, unless ``match_names`` is set. Defaults to
            'classes.txt'.
        metainfo (Mapping, optional): ``classes``, the names by id, and
            ``palette``. Defaults to None.
        match_names (bool): Whether the ids of the class list are changed to
            those of the same names in ``metainfo``. Other classes are
            ignored. Defaults to False.
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
                 match_names: bool = False, **kwargs: Any) -> None:
        prefix = dict(img_path='images', seg_map_path='masks')
        metainfo = dict(metainfo or {})
        path = os.path.join(data_root, classes_file)
        self._listed_names = (
            read_class_list(path).names if match_names else None)
        if 'classes' not in metainfo:
            classes = read_class_list(path)
            colours = classes.palette()[:len(classes.names)].tolist()
            metainfo = dict(classes=classes.names, palette=colours) | metainfo
        super().__init__(
            data_root=data_root, data_prefix=prefix | dict(data_prefix or {}),
            metainfo=metainfo, **kwargs)
        # Tools of mmseg read it in place of the metainfo.
        self.METAINFO = self.metainfo

    def get_label_map(self, new_classes: Sequence[str] | None = None
                      ) -> dict[int, int] | None:
        """Map the ids of the class list to those of the metainfo.

        Args:
            new_classes (Sequence[str], optional): Names of the metainfo.
                Defaults to None.

        Returns:
            dict[int, int] | None: New ids by id, that of
            :func:`ignored_label` for other classes; None without
            ``match_names``.

        Raises:
            InputError: If no name of the class list is in the metainfo, or
                if the masks have 16 bits, but those of the metainfo 8 bits.
        """
        if self._listed_names is None or new_classes is None:
            return None
        ids = {name: index for index, name in enumerate(new_classes)}
        ignored = ignored_label(len(new_classes))
        if ignored_label(len(self._listed_names)) > ignored:
            raise InputError(
                f'expected at most 254 classes in the class list below '
                f'{self.data_root}, as there are {len(new_classes)} to match, '
                f'got {len(self._listed_names)}, whose masks have 16 bits; '
                'save masks of the classes that are matched')
        found = {
            index: ids.get(name, ignored)
            for index, name in enumerate(self._listed_names)}
        if not {*found.values()} - {ids.get(BACKGROUND), ignored}:
            raise InputError(
                f'expected classes of {list(new_classes)} in the class list '
                f'below {self.data_root}, got {list(self._listed_names)}; '
                'correct the names')
        return found

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
