"""Conversion of a user's annotations into a folder of masks.

All formats give the same result: ``OUT/masks/**.png`` with a mask for every
annotated image, ``OUT/classes.txt`` with ``id name`` lines, and
``OUT/images.txt`` with the names of the images without suffix. The images
are not moved::

    dict(type='FolderDataset', data_root=OUT, ann_file='images.txt',
         data_prefix=dict(img_path=IMAGES))
"""
from .formats.coco import convert_coco
from .formats.cvat import convert_cvat
from .formats.labelme import convert_labelme
from .formats.labelstudio import convert_labelstudio
from .formats.masks import convert_masks
from .formats.roboflow_masks import convert_roboflow
from .formats.supervisely import convert_supervisely
from .formats.voc import convert_voc
from .formats.yolo import convert_yolo

__all__ = [
    'convert_coco',
    'convert_cvat',
    'convert_labelme',
    'convert_labelstudio',
    'convert_masks',
    'convert_roboflow',
    'convert_supervisely',
    'convert_voc',
    'convert_yolo',
]
