"""Files as annotation tools write them, for the tests."""
import base64
import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from mmseg_panet.datasets import EpisodicDataset
from mmseg_panet.datasets.folder import FolderDataset

PIPELINE = [
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'), dict(type='PackEpisodeInputs')]


def save_photograph(path, pixels, orientation=None):
    """Save a photograph of ``pixels`` (H, W) with an EXIF orientation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    picture = Image.fromarray(np.stack([pixels] * 3, axis=-1))
    picture.save(path, quality=95, exif=exif)


def uncompressed(mask):
    """Encode a mask in COCO's runs, column by column, background first."""
    counts, value = [0], 0
    for pixel in mask.T.reshape(-1).astype(int).tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return dict(size=list(mask.shape), counts=counts)


def compressed(mask):
    """Encode a mask in compressed runs as text, as pycocotools does."""
    runs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return dict(size=list(mask.shape), counts=runs['counts'].decode())


def box_polygon(top, bottom, left, right):
    """Build a polygon that covers the pixels [top:bottom, left:right]."""
    return [left, top, right, top, right, bottom, left, bottom]


def write_coco(path, sizes, annotations, categories):
    """Write an ``instances_*.json`` file.

    Args:
        sizes: Sizes (H, W) by file name; image ids are 100, 101, ...
        annotations: Tuples (file name, category id, segmentation, iscrowd).
        categories: Names by id.
    """
    ids = {name: i for i, name in enumerate(sizes, start=100)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(
        info=dict(description='a test'),
        licenses=[],
        images=[
            dict(id=ids[name], file_name=name, height=h, width=w, license=0)
            for name, (h, w) in sizes.items()],
        annotations=[
            dict(id=i, image_id=ids[name], category_id=category,
                 segmentation=segmentation, iscrowd=crowd, area=1.0,
                 bbox=[0, 0, 1, 1])
            for i, (name, category, segmentation, crowd) in enumerate(
                annotations, start=1000)],
        categories=[
            dict(id=i, name=name, supercategory='')
            for i, name in categories.items()])))
    return path


def shape(label, kind, points, **more):
    """Build an entry of labelme's ``shapes``."""
    return dict(
        label=label, points=points, group_id=None, description='',
        shape_type=kind, flags={}, mask=None) | more


def base64_png(mask):
    """Encode a mask as labelme embeds it."""
    file = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(file, 'PNG')
    return base64.b64encode(file.getvalue()).decode()


def write_labelme(path, size, shapes, image=None):
    """Write a file of labelme without embedded image data."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(
        version='5.5.0', flags={}, shapes=shapes,
        imagePath=image or f'{path.stem}.jpg', imageData=None,
        imageHeight=size[0], imageWidth=size[1]), indent=2))
    return path


def write_cvat_masks(folder, colours, masks, listed=()):
    """Write CVAT's export 'Segmentation mask 1.1'.

    Args:
        colours: Colours (r, g, b) by label, including the background.
        masks: Arrays (H, W) of indices into ``colours``, by stem.
        listed: Stems of images without annotations.
    """
    table = np.array(list(colours.values()), np.uint8)
    for kind in ('SegmentationClass', 'SegmentationObject'):
        for stem, mask in masks.items():
            path = folder / kind / f'{stem}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(table[mask]).save(path)
    lists = folder / 'ImageSets/Segmentation'
    lists.mkdir(parents=True)
    (lists / 'default.txt').write_text(
        ''.join(f'{stem}\n' for stem in [*masks, *listed]))
    lines = ['# label:color_rgb:parts:actions']
    lines += [f'{name}:{r},{g},{b}::' for name, (r, g, b) in colours.items()]
    (folder / 'labelmap.txt').write_text('\n'.join(lines) + '\n')
    return folder


def zipped(folder):
    """Pack the folder into a .zip like those of CVAT."""
    path = folder.with_suffix('.zip')
    with zipfile.ZipFile(path, 'w') as archive:
        for file in sorted(folder.rglob('*')):
            archive.write(file, file.relative_to(folder))
    return path


def mask_of(out_dir, stem, mode='P'):
    """Read the ids (H, W) that were written for an image."""
    with Image.open(Path(out_dir, 'masks', f'{stem}.png')) as picture:
        assert picture.mode == mode
        return np.asarray(picture)


def read_by_all(out_dir, image_dir, class_name):
    """Read the mask folder with mmseg's pipeline and in an episode."""
    dataset = FolderDataset(
        str(out_dir), dict(img_path=str(image_dir)), ann_file='images.txt',
        pipeline=PIPELINE[:2])
    episodes = EpisodicDataset(
        dataset, PIPELINE, PIPELINE, num_episodes=1, classes=[class_name])
    support, query = (item['data_samples'] for item in episodes[0])
    assert support.class_names == [class_name]
    for sample in (support, query):
        labels = sample.gt_sem_seg.data[0].numpy()
        assert (labels == 1).any()
        assert labels.shape == sample.ori_shape
    return dataset
