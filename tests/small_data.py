"""Files that pages assume: data sets, exports of annotation tools, weights."""
import inspect
from pathlib import Path

import annotation_files
import cv2
import numpy as np
import tool_exports
import torch
from markdown_pages import blocks
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image
from shrunk_configs import IMAGES

from mmseg_panet.datasets.toy.toy_dataset import make_toy_dataset
from mmseg_panet.images.video_file import write_video
from mmseg_panet.models.backbones import DilatedResNet

SIZE = 32, 48


def write_data(value):
    """Write the images of all data sets that a config names, if absent."""
    if isinstance(value, (list, tuple)):
        for one in value:
            write_data(one)
    elif isinstance(value, (dict, Config)):
        if 'data_root' in value and 'type' in value:
            write_data_set(value)
        for one in value.values():
            write_data(one)


def write_data_set(settings):
    root = Path(settings['data_root'])
    if 'toy' in root.parts:
        if not root.exists():
            make_toy_dataset(root, num_images=120, size=64, seed=0)
    elif settings['type'] == 'FolderDataset':
        if not root.exists():
            make_own_data(root)
    else:
        write_benchmark(root, settings)


def write_benchmark(root, settings):
    """Write images that show one class of a benchmark each."""
    images, masks = (root / settings['data_prefix'][key]
                     for key in ('img_path', 'seg_map_path'))
    kind = DATASETS.get(settings['type'])
    defaults = {key: one.default for key, one in inspect.signature(
        kind).parameters.items()}
    suffix = defaults.get('img_suffix', '.jpg')
    classes = kind.METAINFO['classes']
    ids = range(1, len(classes) + defaults.get('reduce_zero_label', False))
    number = max(IMAGES, 6 * len(ids))  # 5 examples and a query
    split = Path(settings.get('ann_file') or 'all').stem
    # The lists of a training and of a test have images of their own.
    names = [f'{Path(images).name}_{split}_{i:03d}' for i in range(number)]
    rng = np.random.default_rng(list(names[0].encode()))
    for folder in (images, masks):
        folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        if (masks / f'{name}.png').exists():
            return
        labels = np.zeros(SIZE, np.uint8)
        labels[:, 12:] = ids[i % len(ids)]
        Image.fromarray(labels).save(masks / f'{name}.png')
        Image.fromarray(rng.integers(0, 255, (*SIZE, 3), np.uint8)).save(
            images / f'{name}{suffix}')
    if settings.get('ann_file'):
        listed = root / settings['ann_file']
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_text(''.join(f'{name}\n' for name in names))


def make_own_data(folder):
    """Write the folder of docs/own_data.md, with four classes."""
    rng = np.random.default_rng(0)
    for name in ('images', 'masks'):
        (folder / name).mkdir(parents=True)
    for i in range(12):
        mask = np.zeros((300, 400), np.uint8)
        mask[50:200, 50:300] = 1 + i % 4
        Image.fromarray(rng.integers(
            0, 255, (300, 400, 3), dtype=np.uint8)).save(
                folder / f'images/{i}.jpg')
        Image.fromarray(mask).save(folder / f'masks/{i}.png')
    (folder / 'classes.txt').write_text(
        '0 background\n1 cat\n2 dog\n3 car\n4 tree\n')


def photograph(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (*size, 3), np.uint8)).save(path)


def write_film(path):
    """Write a video of six frames."""
    write_video(path, [np.zeros((60, 80, 3), np.uint8)] * 6, 25)


def square():
    return tool_exports.square(SIZE, 4, 6, 20, 30)


def write_coco(path):
    photograph(Path('photos/labelled.jpg'))
    annotation_files.write_coco(
        path, {'labelled.jpg': SIZE},
        [('labelled.jpg', 1, annotation_files.compressed(square()), 0)],
        {1: 'cat'})


def write_labelme(path):
    photograph(path / 'labelled.jpg')
    annotation_files.write_labelme(
        path / 'labelled.json', SIZE, [annotation_files.shape(
            'cat', 'rectangle', [[6, 4], [36, 24]])])


def write_cvat(path):
    folder = path.with_suffix('')
    photograph(folder / 'images/labelled.jpg')
    tool_exports.write_cvat_xml(
        folder / 'annotations.xml', {'labelled.jpg': [
            tool_exports.cvat_polygon(
                [(6, 4), (36, 4), (36, 24), (6, 24)])]}, size=SIZE)
    annotation_files.zipped(folder)


def write_label_studio(path):
    photograph(Path('photos/labelled.jpg'))
    tool_exports.write_json(path, [tool_exports.ls_task(
        1, '/data/upload/1/labelled.jpg',
        tool_exports.ls_brush(square()))])


def write_supervisely(path):
    photograph(path / 'set/img/labelled.jpg')
    tool_exports.write_supervisely(
        path, {'set/labelled.jpg': [
            tool_exports.sly_polygon(
                [[6, 4], [36, 4], [36, 24], [6, 24]])]}, size=SIZE)


def write_yolo(path):
    photograph(path.parent / 'images/train/labelled.jpg')
    labels = path.parent / 'labels/train/labelled.txt'
    labels.parent.mkdir(parents=True)
    labels.write_text('0 0.5 0.5 0.25 0.4\n')
    path.write_text('train: images/train\nnames:\n  0: cat\n')


def write_voc(path):
    photograph(path / 'JPEGImages/labelled.jpg')
    (path / 'SegmentationClass').mkdir()
    mask = Image.fromarray(8 * square().astype(np.uint8))
    palette = DATASETS.get('PascalVOCDataset').METAINFO['palette']
    mask.putpalette(np.uint8(palette).tobytes())
    mask.save(path / 'SegmentationClass/labelled.png')


def write_roboflow(path):
    folder = path.with_suffix('')
    photograph(folder / 'train/labelled.jpg')
    Image.fromarray(square().astype(np.uint8)).save(
        folder / 'train/labelled_mask.png')
    (folder / 'train/_classes.csv').write_text(
        'Pixel Value, Class\n0, background\n1, cat\n')
    annotation_files.zipped(folder)


def write_colours(path):
    path.mkdir()
    Image.fromarray(np.where(
        square()[..., None], [220, 20, 60], 0).astype(np.uint8)).save(
            path / 'labelled.png')


def write_names(path):
    """Write the class list of docs/own_data.md."""
    path.write_text(next(block.text for block in blocks('text')
                         if '220,20,60' in block.text))


def write_deep_stem(path):
    """Write the weights of a ResNet-18 with a deep stem."""
    torch.manual_seed(0)
    torch.save(dict(state_dict=DilatedResNet(
        depth=18, deep_stem=True,
        stem_channels=128).state_dict()), path)


def write_scenes(path):
    """Write a scene of four bands."""
    path.mkdir(parents=True)
    rng = np.random.default_rng(0)
    cv2.imwrite(str(path / 'scene.tif'),
                rng.integers(0, 3000, (*SIZE, 4), np.uint16))


def write_fields(path):
    """Write an example of four bands."""
    write_scenes(path / 'wheat')
    Image.fromarray(square()).convert('L').save(path / 'wheat/scene.png')


MAKERS = {
    'street.jpg': photograph,
    'film.mp4': write_film,
    'instances.json': write_coco,
    'folder': write_labelme,
    'cvat.zip': write_cvat,
    'export.json': write_label_studio,
    'project': write_supervisely,
    'data.yaml': write_yolo,
    'VOCdevkit/VOC2012': write_voc,
    'roboflow.zip': write_roboflow,
    'colours': write_colours,
    'names.txt': write_names,
    'scenes': write_scenes,
    'fields': write_fields,
    'resnet50_v2.pth': write_deep_stem,
}
"""What writes a file or folder that the pages assume, by its name there."""
