"""The bad inputs of docs/errors.md, and the valid files that they spoil."""
import json
import os
import shutil
import socket
import zipfile

import numpy as np
import torch
from generalized_parts import write_config
from image_files import tiff_bytes, write_huge_png, xmp
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image, PngImagePlugin
from tool_exports import (
    cvat_box,
    ls_brush,
    ls_polygon,
    ls_task,
    save_image,
    sly_figure,
    write_cvat_xml,
    write_json,
    write_supervisely,
)
from tool_runs import small_config, tool, write_supports

CASES = {}
"""Maps the text of a row to the function that returns its command."""


def bad(what):
    """Register a function of the parts and an empty folder."""
    def register(function):
        assert what not in CASES
        CASES[what] = function
        return function
    return register


class Hostile:
    """Unpickled with full trust, it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return write, (self.path, 'executed')


def generalized(parts, out):
    """A config of base and novel classes, whose runs are logged in out."""
    path = write_config(out, parts.toy)
    with path.open('a') as file:
        file.write(f"work_dir = '{out / 'run'}'\n")
    return path.rename(out / 'config.py')


class Parts:
    """Valid files of all kinds, made once."""

    def __init__(self, folder, toy):
        self.folder, self.toy = folder, toy
        self.config = small_config(folder)
        torch.manual_seed(0)
        self.checkpoint = folder / 'small.pth'
        torch.save(MODELS.build(
            Config.fromfile(self.config).model).state_dict(), self.checkpoint)
        self.support = folder / 'support'
        write_supports(self.support, toy)
        self.images = folder / 'photos'
        self.images.mkdir()
        for path in sorted((toy / 'JPEGImages').iterdir())[:2]:
            shutil.copy(path, self.images)
        self.bank = folder / 'bank.safetensors'
        tool('fit', self.config, self.checkpoint, '--support', self.support,
             '--out', self.bank)
        self.manifest = folder / 'episodes.jsonl'
        tool('make-episodes', self.config, self.manifest,
             '--data-root', toy, '--episodes', 2)

    def network(self, checkpoint=None):
        return self.config, checkpoint or self.checkpoint

    def segment(self, out, *arguments, images=None):
        return ('segment', *self.network(), '--images', images or self.images,
                '--out', out / 'out', *arguments)

    def segment_from(self, out, support, *arguments):
        return self.segment(out, '--support', support, *arguments)

    def fit(self, out, support, *arguments):
        return ('fit', *self.network(), '--support', support,
                '--out', out / 'out.safetensors', *arguments)

    def export(self, out, *arguments):
        return ('export', *self.network(), '--bank', self.bank, out,
                *arguments)

    def serve(self, *arguments):
        return ('serve', *self.network(), '--bank', self.bank, *arguments)

    def test(self, *arguments, checkpoint=None):
        return ('test', *self.network(checkpoint), '--data-root', self.toy,
                *arguments)

    def train(self, out, *arguments):
        return ('train', self.config, '--data-root', self.toy,
                '--work-dir', out / 'out', *arguments)

    def episodes(self, out, *arguments):
        return ('make-episodes', self.config, out / 'out.jsonl',
                '--data-root', self.toy, *arguments)

    def check_data(self, *arguments):
        return ('check-data', self.config, '--data-root', self.toy,
                *arguments)

    def copy_support(self, out):
        """Copy the examples; return the folder, an image and its mask."""
        shutil.copytree(self.support, out / 'support')
        mask = next((out / 'support/class1').glob('*.png'))
        return out / 'support', mask.with_suffix('.jpg'), mask


def write(path, text):
    path.write_text(text, encoding='utf-8')
    return path


def backbone_config(parts, out, text):
    """Write the config of another backbone with 24 channels."""
    return write(out / 'config.py', f"""
_base_ = {str(parts.config)!r}
custom_imports = dict(imports=['mmseg_panet', 'mmpretrain.models'])
model = dict(
    backbone=dict(_delete_=True, {text}),
    decode_head=dict(in_channels=24))
""")


def fit_vit(parts, out, text=''):
    """Fit examples of 64x64 pixels by a tiny vision transformer."""
    arch = dict(
        embed_dims=24, num_layers=1, num_heads=2, feedforward_channels=24)
    config = backbone_config(parts, out, (
        f"type='mmpretrain.VisionTransformer', arch={arch}, **(dict("
        f"img_size=64, patch_size=16, out_type='featmap') | dict({text}))"))
    return ('fit', config, 'none', '--support', parts.support, '--out',
            out / 'out.safetensors')


def vit_weights(out):
    """Save weights of that transformer as mmpretrain does."""
    path = out / 'vit.pth'
    torch.save({'backbone.patch_embed.projection.weight': torch.zeros(
        24, 3, 14, 14)}, path)
    return path


def coco(out, **changes):
    """Write a COCO file of one image with one triangle."""
    content = dict(
        images=[dict(id=1, file_name='a.jpg', height=8, width=8)],
        categories=[dict(id=1, name='cat')],
        annotations=[dict(
            id=1, image_id=1, category_id=1, iscrowd=0, bbox=[1, 1, 5, 5],
            area=12, segmentation=[[1, 1, 6, 1, 6, 6]])])
    return write(out / 'instances.json', json.dumps(content | changes))


def coco_object(**changes):
    return [dict(id=1, image_id=1, category_id=1, iscrowd=0,
                 bbox=[1, 1, 5, 5], area=12,
                 segmentation=[[1, 1, 6, 1, 6, 6]]) | changes]


def prepare_coco(out, **changes):
    return 'prepare-data', 'coco', coco(out, **changes), out / 'out'


def labelme(out, name='a', **changes):
    folder = out / 'labelme'
    folder.mkdir(exist_ok=True)
    content = dict(
        version='5.4.1', imagePath=f'{name}.jpg', imageHeight=8, imageWidth=8,
        imageData=None, flags={}, shapes=[dict(
            label='cat', points=[[1, 1], [6, 1], [6, 6]], group_id=None,
            shape_type='polygon', flags={})])
    write(folder / f'{name}.json', json.dumps(content | changes))
    return 'prepare-data', 'labelme', folder, out / 'out'


def masks(out, labels, lines):
    (out / 'ids').mkdir()
    Image.fromarray(np.array(labels, np.uint8)).save(out / 'ids/a.png')
    return ('prepare-data', 'masks', out / 'ids', out / 'out',
            '--classes-file', write(out / 'classes.txt', lines))


def edited_manifest(parts, out, edit):
    lines = parts.manifest.read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    edit(rows)
    return write(out / 'edited.jsonl', ''.join(
        json.dumps(row) + '\n' for row in rows))


def edited_bank(parts, out, edit):
    """Write the bank with other tensors or another header."""
    from safetensors import safe_open
    from safetensors.torch import save_file
    with safe_open(parts.bank, 'pt') as file:
        header = dict(file.metadata())
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    edit(header, tensors)
    save_file(tensors, out / 'edited.safetensors', header)
    return parts.segment(out, '--bank', out / 'edited.safetensors')


# Images and masks

@bad('An image that is cut')
def _(parts, out):
    folder, image, _ = parts.copy_support(out)
    image.write_bytes(image.read_bytes()[:-100])
    return parts.fit(out, folder)


@bad('A text file named .jpg')
def _(parts, out):
    folder, image, _ = parts.copy_support(out)
    image.write_text('no picture')
    return parts.fit(out, folder)


@bad('An example whose mask is missing')
def _(parts, out):
    folder, _, mask = parts.copy_support(out)
    mask.unlink()
    return parts.fit(out, folder)


@bad('A mask of another size than its image')
def _(parts, out):
    folder, _, mask = parts.copy_support(out)
    Image.new('L', (9, 9), 1).save(mask)
    return parts.fit(out, folder)


@bad('A mask in which nothing is marked')
def _(parts, out):
    folder, image, mask = parts.copy_support(out)
    Image.new('L', Image.open(image).size).save(mask)
    return parts.fit(out, folder)


@bad('A mask of several ids')
def _(parts, out):
    folder, image, mask = parts.copy_support(out)
    labels = np.zeros(Image.open(image).size[::-1], np.uint8)
    labels[:4], labels[8:16], labels[20:] = 1, 2, 3
    Image.fromarray(labels).save(mask)
    return parts.fit(out, folder)


@bad('A mask in which a grey and white may both be the object')
def _(parts, out):
    folder, image, mask = parts.copy_support(out)
    labels = np.zeros(Image.open(image).size[::-1], np.uint8)
    labels[:9, :9], labels[20:] = 128, 255
    Image.fromarray(labels).save(mask)
    return parts.fit(out, folder)


@bad('Images and masks of a class without a name')
def _(parts, out):
    return parts.fit(
        out, with_masks(out / 'crack', 'images', 'masks', 255, 255))


@bad('Images and masks of several classes without names')
def _(parts, out):
    return parts.fit(out, with_masks(out / 'set', 'images', 'masks', 1, 2))


@bad('Masks that are JPEG files')
def _(parts, out):
    return parts.fit(out, with_masks(
        out / 'crack', 'images', 'masks', 255, suffix='.jpg'),
        '--class-name', 'crack')


@bad('Two masks of an image')
def _(parts, out):
    folder = with_masks(out / 'crack', 'images', 'masks', 255)
    with_masks(folder, 'images', 'masks', 255, suffix='_mask.png')
    return parts.fit(out, folder, '--class-name', 'crack')


@bad('A name for the class of a file of examples')
def _(parts, out):
    return parts.fit(
        out, write(out / 'a.json', '{}'), '--class-name', 'crack')


@bad('Boxes of PASCAL VOC as examples')
def _(parts, out):
    (out / 'voc').mkdir()
    write(out / 'voc/a.xml', '<annotation><bndbox></bndbox></annotation>')
    return parts.fit(out, out / 'voc')


@bad('A folder of examples that is empty')
def _(parts, out):
    (out / 'support').mkdir()
    return parts.fit(out, out / 'support')


@bad('A folder of examples without annotations')
def _(parts, out):
    (out / 'set/images').mkdir(parents=True)
    (out / 'set/images/a.jpg').touch()
    write(out / 'set/labels.csv', 'a.jpg,cat')
    return parts.fit(out, out / 'set')


@bad('A folder of examples that does not exist')
def _(parts, out):
    return parts.fit(out, out / 'nowhere')


@bad('A class folder without images')
def _(parts, out):
    folder, *_ = parts.copy_support(out)
    (folder / 'cat').mkdir()
    return parts.fit(out, folder)


@bad('A class that is called background')
def _(parts, out):
    folder, *_ = parts.copy_support(out)
    (folder / 'class1').rename(folder / 'background')
    return parts.fit(out, folder)


@bad('A path of images at which there is nothing')
def _(parts, out):
    return parts.segment(
        out, '--support', parts.support, images=out / 'nowhere.jpg')


@bad('A folder of images that is empty')
def _(parts, out):
    (out / 'photos').mkdir()
    return parts.segment(
        out, '--support', parts.support, images=out / 'photos')


@bad('A result folder that holds the examples')
def _(parts, out):
    folder, *_ = parts.copy_support(out)
    return ('segment', *parts.network(), '--images', parts.images,
            '--support', folder, '--out', folder / 'out')


@bad('A data set without its list of images')
def _(parts, out):
    data = out / 'data'
    shutil.copytree(parts.toy, data)
    shutil.rmtree(data / 'ImageSets')
    return (*parts.test(), '--data-root', data)


@bad('A data set in which a mask is missing')
def _(parts, out):
    data = out / 'data'
    shutil.copytree(parts.toy, data)
    next((data / 'SegmentationClass').iterdir()).unlink()
    return (*parts.test(), '--data-root', data)


@bad('A data set in which 255 is painted over all of a class')
def _(parts, out):
    shutil.copytree(parts.toy, out / 'data')
    for mask in (out / 'data/SegmentationClass').iterdir():
        picture = Image.open(mask)
        ids = np.array(picture)
        ids[ids == 1] = 255
        painted = Image.fromarray(ids)
        painted.putpalette(picture.getpalette())
        painted.save(mask)
    return (*parts.test(), '--data-root', out / 'data')


@bad('A data root that does not exist')
def _(parts, out):
    return (*parts.test(), '--data-root', out / 'nowhere')


@bad('Masks of 16 bits that a config loads as 8 bits')
def _(parts, out):
    shutil.copytree(parts.toy, out / 'data')
    for mask in (out / 'data/SegmentationClass').iterdir():
        ids = np.asarray(Image.open(mask))
        Image.fromarray(ids.astype(np.uint16)).save(mask)
    return ('test', *parts.network(), '--data-root', out / 'data')


@bad('An image of more pixels than fit into memory')
def _(parts, out):
    folder, image, _ = parts.copy_support(out)
    write_huge_png(image)
    return parts.fit(out, folder)


@bad('A TIFF of floating-point numbers')
def _(parts, out):
    folder, image, _ = parts.copy_support(out)
    image.write_bytes(tiff_bytes(np.linspace(
        -0.25, 0.5, 64 * 64, dtype=np.float32).reshape(64, 64)))
    return parts.fit(out, folder)


@bad('An image of more than three bands')
def _(parts, out):
    folder, image, _ = parts.copy_support(out)
    image.write_bytes(tiff_bytes(np.zeros((64, 64, 6), np.uint8)))
    return parts.fit(out, folder)


@bad('Two bands')
def _(parts, out):
    return parts.fit(out, parts.support, '--bands', '1', '2')


@bad('A stretch from white to black')
def _(parts, out):
    return parts.fit(out, parts.support, '--stretch', '3000', '0')


@bad('An image in an orientation that its loader ignores')
def _(parts, out):
    image = next((parts.toy / 'JPEGImages').iterdir())
    shutil.copytree(parts.toy, out / 'data')
    with Image.open(image) as picture:
        info = PngImagePlugin.PngInfo()
        info.add_itxt('XML:com.adobe.xmp', xmp(3)[29:].decode())
        for copy in (out / 'data/JPEGImages').iterdir():
            picture.save(copy, 'PNG', pnginfo=info)
    config = write(out / 'config.py', f"""
_base_ = {str(parts.config)!r}
load = [dict(type='LoadImageFromFile'), *_base_.load[1:]]
pipeline = [*load, _base_.pack]
test_dataloader = dict(dataset=dict(support_pipeline=pipeline))
""")
    return ('test', config, parts.checkpoint, '--data-root', out / 'data')


@bad('A mask with an orientation')
def _(parts, out):
    shutil.copytree(parts.toy, out / 'data')
    exif = Image.Exif()
    exif[274] = 3
    for mask in (out / 'data/SegmentationClass').iterdir():
        with Image.open(mask) as picture:
            picture.save(mask, exif=exif)
    return ('test', *parts.network(), '--data-root', out / 'data')


@bad('A class folder whose name has an escape character')
def _(parts, out):
    folder, *_ = parts.copy_support(out)
    (folder / 'class1').rename(folder / 'class\x1b[31m')
    return parts.fit(out, folder)


# Annotations

@bad('A COCO file that is no JSON')
def _(parts, out):
    return ('prepare-data', 'coco', write(out / 'a.json', '{"images": ['),
            out / 'out')


@bad('A COCO file without annotations')
def _(parts, out):
    return ('prepare-data', 'coco', write(out / 'a.json', '{"images": []}'),
            out / 'out')


@bad('A JSON file that is nested 100,000 levels deep')
def _(parts, out):
    return ('prepare-data', 'coco', write(
        out / 'a.json', '[' * 100_000 + ']' * 100_000), out / 'out')


@bad('A JSON file that has a key twice')
def _(parts, out):
    return ('prepare-data', 'coco', write(
        out / 'a.json', '{"images": [], "images": []}'), out / 'out')


@bad('A COCO image of a size beyond the memory')
def _(parts, out):
    return prepare_coco(out, images=[dict(
        id=1, file_name='a.jpg', height=10 ** 9, width=10 ** 9)])


@bad('A COCO image whose name is a folder')
def _(parts, out):
    return prepare_coco(out, images=[dict(
        id=1, file_name='..', height=8, width=8)])


@bad('A COCO image whose name has a line break')
def _(parts, out):
    return prepare_coco(out, images=[dict(
        id=1, file_name='a\n.jpg', height=8, width=8)])


@bad('A COCO image that lies outside the folder')
def _(parts, out):
    return prepare_coco(out, images=[dict(
        id=1, file_name='../../a.jpg', height=8, width=8)])


@bad('A COCO category with a line break')
def _(parts, out):
    return prepare_coco(out, categories=[dict(id=1, name='cat\ndog')])


@bad('A COCO object of an unknown category')
def _(parts, out):
    return prepare_coco(out, annotations=coco_object(category_id=9))


@bad('A COCO object of an unknown image')
def _(parts, out):
    return prepare_coco(out, annotations=coco_object(image_id=9))


@bad('A COCO polygon of two points')
def _(parts, out):
    return prepare_coco(out, annotations=coco_object(
        segmentation=[[1, 1, 6, 6]]))


@bad('A COCO polygon with a text')
def _(parts, out):
    return prepare_coco(out, annotations=coco_object(
        segmentation=[[1, 1, 6, 1, 6, 'x']]))


@bad('A COCO run length of another size')
def _(parts, out):
    return prepare_coco(out, annotations=coco_object(
        segmentation=dict(size=[4, 4], counts=[0, 16])))


@bad('A COCO image without a size')
def _(parts, out):
    return prepare_coco(out, images=[dict(id=1, file_name='a.jpg')])


@bad('Two COCO categories of one name and of different supercategories')
def _(parts, out):
    return prepare_coco(out, categories=[
        dict(id=1, name='cat', supercategory='animal'),
        dict(id=2, name='cat', supercategory='vehicle')],
        annotations=coco_object() + coco_object(category_id=2))


@bad('A COCO category that is called none')
def _(parts, out):
    return prepare_coco(out, categories=[dict(id=1, name='none')])


@bad('COCO objects that have a box only')
def _(parts, out):
    return prepare_coco(
        out, annotations=coco_object() + coco_object(id=2, segmentation=[]))


@bad('A COCO file of captions')
def _(parts, out):
    return prepare_coco(out, annotations=[
        dict(id=1, image_id=1, caption='a cat on a mat')])


@bad('A COCO image whose name two images have')
def _(parts, out):
    for folder in ('day', 'night'):
        (out / 'images' / folder).mkdir(parents=True)
        Image.new('L', (8, 8)).save(out / 'images' / folder / 'a.jpg')
    return (*prepare_coco(out), '--image-dir', out / 'images')


@bad('Two entries of one image in a COCO file')
def _(parts, out):
    (out / 'images').mkdir()
    Image.new('L', (8, 8)).save(out / 'images/a.jpg')
    return (*prepare_coco(out, images=[
        dict(id=1, file_name='a.jpg', height=8, width=8),
        dict(id=2, file_name='old/a.jpg', height=8, width=8)]),
        '--image-dir', out / 'images')


@bad('A folder of COCO files of other classes')
def _(parts, out):
    for name in ('cat', 'dog'):
        (out / 'coco' / name).mkdir(parents=True)
        coco(out / 'coco' / name, categories=[dict(id=1, name=name)])
    return 'prepare-data', 'coco', out / 'coco', out / 'out'


@bad('A COCO file in which no object has a pixel')
def _(parts, out):
    Image.new('RGB', (8, 8)).save(out / 'a.jpg')
    return parts.fit(out, coco(out, annotations=coco_object(
        segmentation=[[3, 3] * 3])))


@bad('A class for --classes that the file lacks')
def _(parts, out):
    return (*prepare_coco(out), '--classes', 'dog')


@bad('A labelme folder without JSON files')
def _(parts, out):
    (out / 'labelme').mkdir()
    return 'prepare-data', 'labelme', out / 'labelme', out / 'out'


@bad('A labelme file without shapes')
def _(parts, out):
    return labelme(out, shapes=None)


@bad('A labelme shape of an unknown type')
def _(parts, out):
    return labelme(out, shapes=[dict(
        label='cat', points=[[1, 1], [6, 6]], shape_type='spiral')])


@bad('A labelme shape of a point that is no number')
def _(parts, out):
    return labelme(out, shapes=[dict(
        label='cat', points=[[1, 1], [6, 1], ['x', 6]],
        shape_type='polygon')])


@bad('A labelme file without the size of its image')
def _(parts, out):
    return labelme(out, imageHeight=None, imageWidth=None)


@bad('A labelme file whose imageData is damaged')
def _(parts, out):
    return labelme(out, imageData='/9j/4AAQ')


@bad('A labelme file that names no image')
def _(parts, out):
    return labelme(out, imagePath='a.json')


@bad('A labelme file in another encoding than UTF-8')
def _(parts, out):
    *command, folder, result = labelme(out)
    path = folder / 'a.json'
    path.write_bytes(path.read_bytes().replace(b'a.jpg', b'\xb2\xe2.jpg'))
    return *command, folder, result


@bad('Two labelme files of one image')
def _(parts, out):
    command = labelme(out)
    labelme(out, 'b', imagePath='a.jpg')
    shutil.copy(next(parts.images.iterdir()), out / 'labelme/a.jpg')
    return command


@bad('An image folder that lacks the image of a labelme file')
def _(parts, out):
    return *labelme(out), '--image-dir', parts.images


@bad('A CVAT export with another suffix')
def _(parts, out):
    return ('prepare-data', 'cvat', write(out / 'annotations.txt', 'text'),
            out / 'out')


@bad('A CVAT export that is no zip file')
def _(parts, out):
    return ('prepare-data', 'cvat', write(out / 'export.zip', 'text'),
            out / 'out')


@bad('A CVAT export without masks')
def _(parts, out):
    with zipfile.ZipFile(out / 'export.zip', 'w') as file:
        file.writestr('readme.txt', 'nothing')
    return 'prepare-data', 'cvat', out / 'export.zip', out / 'out'


@bad('A CVAT export with a file outside its folder')
def _(parts, out):
    with zipfile.ZipFile(out / 'export.zip', 'w') as file:
        file.writestr('../evil.txt', 'nothing')
    return 'prepare-data', 'cvat', out / 'export.zip', out / 'out'


@bad('A CVAT export that is a zip bomb')
def _(parts, out):
    with zipfile.ZipFile(
            out / 'export.zip', 'w', zipfile.ZIP_DEFLATED) as file:
        file.writestr('a.txt', bytes(2 * 10 ** 8))
    return 'prepare-data', 'cvat', out / 'export.zip', out / 'out'


@bad('A CVAT export for video')
def _(parts, out):
    return 'prepare-data', 'cvat', write(
        out / 'annotations.xml', '<annotations><track id="0" label="cat"/>'
        '</annotations>'), out / 'out'


@bad('An XML file of CVAT that is cut')
def _(parts, out):
    return 'prepare-data', 'cvat', write(
        out / 'annotations.xml', '<annotations><image'), out / 'out'


@bad('A box of CVAT without --boxes')
def _(parts, out):
    return 'prepare-data', 'cvat', write_cvat_xml(
        out / 'annotations.xml', {'a.jpg': [cvat_box(0, 0, 2, 2)]}
    ), out / 'out'


@bad('Masks of the brush export of Label Studio')
def _(parts, out):
    name = 'task-1-annotation-2-by-1-tag-cat-0.png'
    save_image(out / 'brush' / name, (2, 2))
    return 'prepare-data', 'labelstudio', out / 'brush', out / 'out'


@bad('A Label Studio export without annotations')
def _(parts, out):
    path = write_json(out / 'a.json', [ls_task(1, 'a.jpg', annotations=[])])
    return 'prepare-data', 'labelstudio', path, out / 'out'


@bad('A brush of Label Studio of another size')
def _(parts, out):
    brush = ls_brush(np.ones((2, 3), bool)) | dict(
        original_width=4, original_height=2, id='r1')
    return 'prepare-data', 'labelstudio', write_json(
        out / 'export.json', [ls_task(1, 'a.jpg', brush)]), out / 'out'


@bad('An image folder that lacks an image of Label Studio')
def _(parts, out):
    path = write_json(out / 'export.json', [
        ls_task(1, 'a.jpg', ls_polygon([(0, 0), (3, 0), (3, 3)]))])
    return ('prepare-data', 'labelstudio', path, out / 'out',
            '--image-dir', parts.images)


@bad('A folder that is no project of Supervisely')
def _(parts, out):
    (out / 'project').mkdir()
    return 'prepare-data', 'supervisely', out / 'project', out / 'out'


@bad('A bitmap of Supervisely that is no PNG')
def _(parts, out):
    figure = sly_figure('bitmap', bitmap=dict(origin=[0, 0], data='aGVsbG8='))
    return 'prepare-data', 'supervisely', write_supervisely(
        out / 'project', {'ds/a.jpg': [figure]}), out / 'out'


@bad('A project of Supervisely as a .tar')
def _(parts, out):
    return ('prepare-data', 'supervisely', write(out / 'project.tar', 'text'),
            out / 'out')


def yolo(out, line='0 0.1 0.1 0.9 0.1 0.9 0.9', names='names: [cat, dog]'):
    """A data set of YOLO with one image."""
    folder = out / 'yolo'
    for part in ('images', 'labels'):
        (folder / part).mkdir(parents=True)
    Image.new('RGB', (8, 8)).save(folder / 'images/a.jpg')
    write(folder / 'labels/a.txt', line)
    if names is not None:
        write(folder / 'data.yaml', names)
    return 'prepare-data', 'yolo', folder, out / 'out'


@bad('A label of YOLO that is no number')
def _(parts, out):
    return yolo(out, 'cat 0.1 0.1 0.9 0.1 0.9 0.9')


@bad('A label of YOLO whose class has no name')
def _(parts, out):
    return yolo(out, '2 0.1 0.1 0.9 0.1 0.9 0.9')


@bad('A label of YOLO in pixels')
def _(parts, out):
    return yolo(out, '0 10 10 90 10 90 90')


@bad('A label of YOLO with half a point')
def _(parts, out):
    return yolo(out, '0 0.1 0.1 0.9 0.1 0.9 0.9 0.5')


@bad('A label of YOLO that is a box')
def _(parts, out):
    return yolo(out, '0 0.5 0.5 0.2 0.2')


@bad('A label of YOLO with the points of a skeleton')
def _(parts, out):
    return yolo(out, names='names: [cat]\nkpt_shape: [17, 3]')


@bad('A label of YOLO without its image')
def _(parts, out):
    command = yolo(out)
    (out / 'yolo/images/a.jpg').unlink()
    return command


@bad('A data set of YOLO without labels')
def _(parts, out):
    command = yolo(out)
    (out / 'yolo/labels/a.txt').unlink()
    return command


@bad('A data set of YOLO without names of classes')
def _(parts, out):
    return yolo(out, names=None)


@bad('A data.yaml that is no YAML')
def _(parts, out):
    return yolo(out, names='names: [cat')


@bad('A data.yaml with a name that is no text')
def _(parts, out):
    return yolo(out, names='names: [cat, [no]]')


def with_masks(folder, images, masks, *values, suffix='.png'):
    """Images with grey masks, each with a value in two columns."""
    for name in (images, masks):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for i, value in enumerate(values):
        Image.new('RGB', (8, 8)).save(folder / f'{images}/{i}.jpg')
        mask = np.zeros((8, 8), np.uint8)
        mask[:, 2:4] = value
        Image.fromarray(mask).save(folder / f'{masks}/{i}{suffix}')
    return folder


@bad('Masks in the folders of PASCAL VOC without names of classes')
def _(parts, out):
    return 'prepare-data', 'voc', with_masks(
        out / 'voc', 'JPEGImages', 'SegmentationClass', 1, 2), out / 'out'


@bad('Folders of PASCAL VOC that are given as an export of CVAT')
def _(parts, out):
    return 'prepare-data', 'cvat', with_masks(
        out / 'voc', 'JPEGImages', 'SegmentationClass', 1), out / 'out'


@bad('A mask of Roboflow with a value that has no name')
def _(parts, out):
    folder = with_masks(out / 'export', 'train', 'train', 2,
                        suffix='_mask.png')
    write(folder / 'train/_classes.csv',
          'Pixel Value, Class\n0, background\n1, cat\n')
    return 'prepare-data', 'roboflow', folder, out / 'out'


@bad('A mask with an id that the list of classes lacks')
def _(parts, out):
    return masks(out, [[0, 1], [1, 7]], '1 cat\n')


@bad('A mask of 0 and 255 with a smooth edge, and a list without colours')
def _(parts, out):
    return masks(out, [[0, 130, 255]], '1 cat\n')


@bad('Masks whose values may be ids or colours of the list of classes')
def _(parts, out):
    return masks(out, [[0, 1, 2]], '1 cat 2,2,2\n2 dog 1,1,1\n')


@bad('A mask with a grey that the list of classes lacks')
def _(parts, out):
    return masks(
        out, [[0, 77, 255]], '1 cat 128,128,128\n2 dog 255,255,255\n')


@bad('A list of classes with a line that is no id and name')
def _(parts, out):
    return masks(out, [[0, 1]], '1 cat\ndog\n')


@bad('A list of classes with one id twice')
def _(parts, out):
    return masks(out, [[0, 1]], '1 cat\n1 dog\n')


@bad('An image folder for prepare-data that lacks the image')
def _(parts, out):
    (out / 'images').mkdir()
    return (*prepare_coco(out), '--image-dir', out / 'images')


# Manifests

@bad('A list of classes with an id beyond 16 bits')
def _(parts, out):
    return masks(out, [[0, 1]], '1 cat\n70000 dog\n')


@bad('A manifest that is missing')
def _(parts, out):
    return parts.test('--manifest', out / 'nowhere.jsonl')


@bad('A manifest that is another file')
def _(parts, out):
    return parts.test('--manifest', write(out / 'a.jsonl', '{}\n'))


@bad('A pipe in place of a manifest')
def _(parts, out):
    os.mkfifo(out / 'pipe')
    return parts.test('--manifest', out / 'pipe')


@bad('A manifest that is cut')
def _(parts, out):
    text = parts.manifest.read_text()
    return parts.test('--manifest', write(out / 'a.jsonl', text[:-20]))


@bad('A manifest without its last episode')
def _(parts, out):
    return parts.test('--manifest', edited_manifest(
        parts, out, lambda rows: rows.pop()))


@bad('A manifest with a negative number of shots')
def _(parts, out):
    return parts.test('--manifest', edited_manifest(
        parts, out, lambda rows: rows[0].update(num_shots=-1)))


@bad('A manifest of more episodes than can be tested')
def _(parts, out):
    return parts.test('--manifest', edited_manifest(
        parts, out, lambda rows: rows[0].update(num_episodes=10 ** 12)))


@bad('A manifest with an image that the data set lacks')
def _(parts, out):
    return parts.test('--manifest', edited_manifest(
        parts, out, lambda rows: rows[1].update(queries=['nowhere'])))


@bad('A manifest with a query that is also a support')
def _(parts, out):
    return parts.test('--manifest', edited_manifest(
        parts, out, lambda rows: rows[1].update(
            queries=rows[1]['supports'][0][:1])))


@bad('A manifest of other images')
def _(parts, out):
    return parts.test('--manifest', edited_manifest(
        parts, out, lambda rows: rows[0].update(index_sha256='0' * 64)))


@bad('A manifest together with --shots')
def _(parts, out):
    return parts.test('--manifest', parts.manifest, '--shots', 5)


# Banks

@bad('A bank that is missing')
def _(parts, out):
    return parts.segment(out, '--bank', out / 'nowhere.safetensors')


@bad('A bank that is a checkpoint')
def _(parts, out):
    shutil.copy(parts.checkpoint, out / 'a.safetensors')
    return parts.segment(out, '--bank', out / 'a.safetensors')


@bad('A bank for a model that does not exist')
def _(parts, out):
    return ('bank-to-model', *parts.network(), out / 'nowhere.safetensors',
            out / 'out')


@bad('No bank to export')
def _(parts, out):
    return ('export', *parts.network(), out / 'out.onnx')


@bad('A graph with another suffix')
def _(parts, out):
    return parts.export(out / 'out.pth')


@bad('A pipeline that a graph does not repeat')
def _(parts, out):
    return parts.export(out / 'out.onnx')


@bad('A comparison of classes without a graph')
def _(parts, out):
    return parts.export(out / 'out.npz', '--check', parts.images)


@bad('A graph of sliding windows')
def _(parts, out):
    return parts.export(
        out / 'out.onnx', '--cfg-options', 'model.test_cfg.mode=slide')


@bad('A graph of 8 bits by the exporter dynamo')
def _(parts, out):
    return parts.export(out / 'out.onnx', '--exporter', 'dynamo', '--int8',
                        parts.images)


@bad('Refined classes as inputs of a graph')
def _(parts, out):
    return parts.export(out / 'out.npz', '--refine')


@bad('A model with a bank that would replace its checkpoint')
def _(parts, out):
    checkpoint = out / 'bank.pth'
    shutil.copy(parts.checkpoint, checkpoint)
    return 'bank-to-model', *parts.network(checkpoint), parts.bank, out


@bad('A bank that is cut')
def _(parts, out):
    content = parts.bank.read_bytes()
    (out / 'a.safetensors').write_bytes(content[:-10])
    return parts.segment(out, '--bank', out / 'a.safetensors')


@bad('A bank of another model')
def _(parts, out):
    weights = torch.load(parts.checkpoint, weights_only=True)
    key = 'backbone.layer1.0.conv1.weight'
    torch.save(weights | {key: 2 * weights[key]}, out / 'other.pth')
    return ('segment', *parts.network(out / 'other.pth'), '--images',
            parts.images, '--bank', parts.bank, '--out', out / 'out')


@bad('A bank of a newer version')
def _(parts, out):
    def edit(header, tensors):
        header['mmseg_panet'] = json.dumps(
            json.loads(header['mmseg_panet']) | dict(format=99))
    return edited_bank(parts, out, edit)


@bad('A bank with sums that are not finite')
def _(parts, out):
    def edit(header, tensors):
        name = next(key for key in tensors if 'sum' in key)
        tensors[name] = tensors[name] * float('nan')
    return edited_bank(parts, out, edit)


@bad('A bank without its tensors')
def _(parts, out):
    def edit(header, tensors):
        for key in list(tensors):
            if 'sum' in key:
                del tensors[key]
    return edited_bank(parts, out, edit)


@bad('A bank with an area of 0')
def _(parts, out):
    def edit(header, tensors):
        tensors['sums'][:, 0] = 0
    return edited_bank(parts, out, edit)


@bad('A bank with other numbers of shots')
def _(parts, out):
    def edit(header, tensors):
        header['mmseg_panet'] = json.dumps(
            json.loads(header['mmseg_panet']) | dict(shots=[9, 9]))
    return edited_bank(parts, out, edit)


@bad('A bank with another suffix')
def _(parts, out):
    return ('fit', *parts.network(), '--support', parts.support,
            '--out', out / 'out.pth')


@bad('Neither examples nor a bank')
def _(parts, out):
    return parts.segment(out)


# Configs

@bad('A config that does not exist')
def _(parts, out):
    return 'train', 'nothing.py'


@bad('A config with an error of syntax')
def _(parts, out):
    return 'train', write(out / 'config.py', 'model = dict(')


@bad('A config without a model')
def _(parts, out):
    return ('fit', write(out / 'config.py', 'fold = 0\n'), 'none',
            '--support', parts.support, '--out', out / 'out.safetensors')


@bad('A number where a dict is expected')
def _(parts, out):
    return parts.train(out, '--cfg-options', 'optim_wrapper=5')


@bad('A misspelt setting of the model')
def _(parts, out):
    return (*parts.fit(out, parts.support), '--cfg-options',
            'model.decode_head.anchors=3')


@bad('An unknown type of the head')
def _(parts, out):
    return (*parts.fit(out, parts.support), '--cfg-options',
            'model.decode_head.type=PANetHeed')


@bad('A head of mmseg in a few-shot segmentor')
def _(parts, out):
    cfg = Config.fromfile(parts.config)
    cfg.model.decode_head = dict(
        type='FCNHead', in_channels=32, channels=8, num_classes=3)
    cfg.dump(out / 'small.py')
    return ('train', out / 'small.py', '--data-root', parts.toy)


@bad('A head that is told of other channels than its features have')
def _(parts, out):
    return parts.train(
        out, '--cfg-options', 'model.decode_head.channels=8')


@bad('A head with another number of channels than the backbone')
def _(parts, out):
    return (*parts.fit(out, parts.support), '--cfg-options',
            'model.decode_head.in_channels=33')


@bad('Images that are no multiple of the patches of the backbone')
def _(parts, out):
    return fit_vit(parts, out, 'patch_size=14, img_size=70')


@bad('A backbone of mmpretrain that gives no feature map')
def _(parts, out):
    return fit_vit(parts, out, "out_type='cls_token'")


@bad('A Swin of mmpretrain with a map that is smaller than its window')
def _(parts, out):
    config = backbone_config(parts, out, (
        "type='mmpretrain.SwinTransformer', window_size=32, out_indices=(0,), "
        'arch=dict(embed_dims=24, depths=[1], num_heads=[2])'))
    return ('fit', config, 'none', '--support', parts.support, '--out',
            out / 'out.safetensors')


@bad('A fold that does not exist')
def _(parts, out):
    return parts.test('--fold', 9)


def repeat(dataset):
    return dict(type='RepeatDataset', times=2, dataset=dataset)


@bad('A test on a wrapper around the episodes')
def _(parts, out):
    cfg = Config.fromfile(parts.config)
    cfg.test_dataloader.dataset = repeat(cfg.test_dataloader.dataset)
    cfg.dump(out / 'small.py')
    return ('test', out / 'small.py', parts.checkpoint, '--data-root',
            parts.toy)


@bad('Images that a wrapper repeats')
def _(parts, out):
    cfg = Config.fromfile(parts.config)
    cfg.test_dataloader.dataset.dataset = repeat(
        dict(type='ToyDataset', data_root=str(parts.toy)))
    cfg.dump(out / 'small.py')
    return ('test', out / 'small.py', parts.checkpoint, '--data-root',
            parts.toy)


def base_data_set(parts, out, **settings):
    """Test on the toy data as a data set of mmseg without a class."""
    cfg = Config.fromfile(parts.config)
    cfg.test_dataloader.dataset.dataset = dict(
        type='BaseSegDataset', data_root=str(parts.toy), data_prefix=dict(
            img_path='JPEGImages', seg_map_path='SegmentationClass'),
        **settings)
    cfg.dump(out / 'small.py')
    return ('test', out / 'small.py', parts.checkpoint, '--data-root',
            parts.toy)


@bad('A data set without the names of its classes')
def _(parts, out):
    return base_data_set(parts, out)


@bad('A data set without a file of its suffix')
def _(parts, out):
    return base_data_set(parts, out, img_suffix='.jpeg')


@bad('A list of images without lines')
def _(parts, out):
    (out / 'list.txt').write_text('')
    return base_data_set(parts, out, ann_file=str(out / 'list.txt'))


@bad('A protocol that does not exist')
def _(parts, out):
    return parts.test('--protocol', 'modem')


@bad('A setting of --cfg-options that the config lacks')
def _(parts, out):
    return parts.train(out, '--cfg-options', 'train_cgf.max_iters=5')


# Flags

@bad('A model of base and novel classes for photographs')
def _(parts, out):
    return ('segment', generalized(parts, out), 'none', '--images',
            parts.images, '--support', parts.support, '--out', out / 'out')


@bad('A test of base and novel classes on the images of the supports')
def _(parts, out):
    return ('test', generalized(parts, out), 'none', '--cfg-options',
            'test_dataloader.dataset.query_pool=train')


@bad('A test of base and novel classes with fewer novel classes')
def _(parts, out):
    return 'test', generalized(parts, out), 'none', '--ways', 2


@bad('A test of base and novel classes by main axes')
def _(parts, out):
    return ('test', generalized(parts, out), 'none', '--cfg-options',
            'model.decode_head.classifier.rank=64')


@bad('A test of base and novel classes in sliding windows')
def _(parts, out):
    return ('test', generalized(parts, out), 'none', '--cfg-options',
            'model.test_cfg.mode=slide')


@bad('A subcommand that is misspelt')
def _(parts, out):
    return ('tets',)


@bad('A number of shots of 0')
def _(parts, out):
    return parts.test('--shots', 0)


@bad('More ways than the fold has classes')
def _(parts, out):
    return parts.test('--ways', 50)


@bad('More shots than the class has images')
def _(parts, out):
    return parts.test('--shots', 5000)


@bad('More episodes than can be tested')
def _(parts, out):
    return parts.episodes(out, '--episodes', 10 ** 12)


@bad('A number of episodes that is no integer')
def _(parts, out):
    return parts.episodes(out, '--episodes', '1.5')


@bad('A confidence above 1')
def _(parts, out):
    return parts.segment_from(out, parts.support, '--min-confidence', 1.5)


@bad('An opacity above 1')
def _(parts, out):
    return parts.segment_from(out, parts.support, '--opacity', 45)


@bad('A weight of earlier frames above 0.95')
def _(parts, out):
    return parts.segment_from(out, parts.support, '--smooth', 1)


@bad('A step of frames below 1')
def _(parts, out):
    return parts.segment_from(out, parts.support, '--frame-step', 0)


@bad('An overlay video without a video')
def _(parts, out):
    return parts.segment_from(out, parts.support, '--video')


@bad('A folder for contact sheets that holds other files')
def _(parts, out):
    (out / 'out/contact_sheets').mkdir(parents=True)
    (out / 'out/contact_sheets/mine.jpg').touch()
    return parts.segment_from(out, parts.support, '--contact-sheet')


@bad('A minimum area above 1')
def _(parts, out):
    return parts.segment_from(out, parts.support, '--min-area', 2)


@bad('An export to YOLO as run lengths')
def _(parts, out):
    return parts.segment(
        out, '--bank', parts.bank, '--export', 'yolo', '--rle')


@bad('A batch size of 0')
def _(parts, out):
    return parts.segment_from(out, parts.support, '--batch-size', 0)


@bad('A classifier that does not exist')
def _(parts, out):
    return parts.segment_from(out, parts.support, '--classifier', 'Guess')


@bad('Toy images of size 0')
def _(parts, out):
    return 'make-toy-data', out / 'out', '--size', 0


@bad('A result of compare that is missing')
def _(parts, out):
    return 'compare', out / 'a.json', out / 'b.json'


# Checkpoints

@bad('A config of a test that has no test episodes')
def _(parts, out):
    return parts.test(
        '--test-config', 'panet_r50-d8-s23_imagenet-473x473')


@bad('A test on unseen classes, of which the training samples all')
def _(parts, out):
    other = write(
        out / 'other.py', f"_base_ = '{parts.config}'\n"
        'test_dataloader = dict(dataset=dict('
        "folds=None, split=None, classes=['dotted disc']))\n")
    return parts.test('--test-split', 'unseen', '--test-config', other)


@bad('A test on unseen classes of a data set without a list of classes')
def _(parts, out):
    return parts.test('--test-split', 'unseen', '--test-config',
                      'panet_r50-d8-no-align_1xb4-6k_fss1000-473x473')


@bad('A manifest together with a split')
def _(parts, out):
    return parts.test('--manifest', parts.manifest, '--test-split', 'all')


@bad('A checkpoint that does not exist')
def _(parts, out):
    return parts.test(checkpoint=out / 'nowhere.pth')


@bad('A checkpoint that is a folder')
def _(parts, out):
    return parts.test(checkpoint=parts.support)


@bad('A checkpoint that is a text file')
def _(parts, out):
    return parts.test(checkpoint=write(out / 'a.pth', 'no weights'))


@bad('A checkpoint that is cut')
def _(parts, out):
    content = parts.checkpoint.read_bytes()
    (out / 'a.pth').write_bytes(content[:-100])
    return parts.test(checkpoint=out / 'a.pth')


@bad('A checkpoint that executes code')
def _(parts, out):
    torch.save({'state_dict': Hostile(out / 'executed')}, out / 'a.pth')
    return parts.test(checkpoint=out / 'a.pth')


@bad('A checkpoint with a weight that is not finite')
def _(parts, out):
    weights = torch.load(parts.checkpoint, weights_only=True)
    key = 'backbone.layer1.0.conv1.weight'
    weights[key][0, 0, 0, 0] = torch.nan
    torch.save(weights, out / 'a.pth')
    return parts.test(checkpoint=out / 'a.pth')


@bad('Pretrained weights of another patch size')
def _(parts, out):
    path = vit_weights(out)
    return fit_vit(parts, out, (
        f"init_cfg=dict(type='Pretrained', checkpoint={str(path)!r}, "
        "prefix='backbone.')"))


@bad('Pretrained weights without the prefix of init_cfg')
def _(parts, out):
    path = vit_weights(out)
    return fit_vit(parts, out, (
        f"init_cfg=dict(type='Pretrained', checkpoint={str(path)!r}, "
        "prefix='model.')"))


@bad('Pretrained weights of mmpretrain without their prefix')
def _(parts, out):
    path = vit_weights(out)
    return fit_vit(parts, out, (
        f"init_cfg=dict(type='Pretrained', checkpoint={str(path)!r})"))


@bad('A work dir to resume from without a complete checkpoint')
def _(parts, out):
    (out / 'out').mkdir()
    (out / 'out/iter_3.pth').write_bytes(
        parts.checkpoint.read_bytes()[:-100])
    write(out / 'out/last_checkpoint', str(out / 'out/iter_3.pth'))
    return parts.train(out, '--resume')


@bad('A checkpoint to resume from that has weights only')
def _(parts, out):
    return parts.train(out, '--resume', '--cfg-options',
                       f'load_from={parts.checkpoint}')


@bad('A checkpoint of another architecture')
def _(parts, out):
    torch.save({'backbone.conv.weight': torch.zeros(3)}, out / 'a.pth')
    return parts.test(checkpoint=out / 'a.pth')


@bad('A checkpoint that lacks a weight')
def _(parts, out):
    weights = torch.load(parts.checkpoint, weights_only=True)
    del weights['backbone.layer1.0.conv1.weight']
    torch.save(weights, out / 'a.pth')
    return parts.test(checkpoint=out / 'a.pth')


@bad('A checkpoint that is a list')
def _(parts, out):
    torch.save([torch.zeros(3)], out / 'a.pth')
    return parts.test(checkpoint=out / 'a.pth')


@bad('Weights for convert-backbone of an unknown layout')
def _(parts, out):
    torch.save({'weight': torch.zeros(3)}, out / 'a.pth')
    return 'convert-backbone', out / 'a.pth', out / 'out.pth'


# Devices and outputs

@bad('A device that does not exist')
def _(parts, out):
    return parts.fit(out, parts.support, '--device', 'cuda:99')


@bad('A device whose name is misspelt')
def _(parts, out):
    return parts.fit(out, parts.support, '--device', 'gpu')


@bad('--amp without a GPU')
def _(parts, out):
    return parts.train(out, '--amp')


@bad('A result that is a folder')
def _(parts, out):
    (out / 'results').mkdir()
    return parts.test('--out', out / 'results')


@bad('A result folder that is a file')
def _(parts, out):
    return ('segment', *parts.network(), '--images', parts.images,
            '--support', parts.support, '--out', write(out / 'a', ''))


@bad('A result folder whose masks are a link to another folder')
def _(parts, out):
    (out / 'out').mkdir()
    (out / 'elsewhere').mkdir()
    (out / 'out/masks').symlink_to(out / 'elsewhere')
    return parts.segment_from(out, parts.support)


@bad('A result folder of another model')
def _(parts, out):
    (out / 'out/masks').mkdir(parents=True)
    Image.new('L', (8, 8)).save(out / 'out/masks/a.png')
    return parts.segment_from(out, parts.support)


# Label tools

@bad('An address of Label Studio without http')
def _(parts, out):
    return ('label-studio', *parts.network(), '--bank', out / 'a.safetensors',
            '--label-studio', 'localhost:8080')


@bad('A folder of local files that does not exist')
def _(parts, out):
    return ('label-studio', *parts.network(), '--bank', out / 'a.safetensors',
            '--document-root', out / 'nowhere')


@bad('A port that another program uses')
def _(parts, out):
    parts.server = socket.create_server(('127.0.0.1', 0))
    return parts.serve('--port', parts.server.getsockname()[1])


@bad('A port that does not exist')
def _(parts, out):
    return parts.serve('--port', 70000)


@bad('An address of another machine')
def _(parts, out):
    return parts.serve('--bind', '192.0.2.1')


@bad('A limit of zero bytes')
def _(parts, out):
    return parts.serve('--max-upload', 0)


@bad('A service without places for requests')
def _(parts, out):
    return parts.serve('--max-requests', 0)


@bad('A bank of a service that does not exist')
def _(parts, out):
    return parts.serve('--bank', out / 'bank.safetensors')
