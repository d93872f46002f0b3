"""A user's annotations, rasterized once into a mask folder.

Whatever the tool, the result is the same: ``OUT/masks/**.png`` with a mask
for every annotated image, ``OUT/classes.txt`` with ``id name`` lines, and
``OUT/images.txt`` with the names of the images, without suffix. The images
stay where they are::

    dict(type='FolderDataset', data_root=OUT, ann_file='images.txt',
         data_prefix=dict(img_path=IMAGES))
"""
from .formats.coco import convert_coco
from .formats.cvat import convert_cvat
from .formats.labelme import convert_labelme
from .formats.masks import convert_masks

__all__ = ['convert_coco', 'convert_cvat', 'convert_labelme', 'convert_masks']
