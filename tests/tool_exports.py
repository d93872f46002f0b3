"""Exports of CVAT, Label Studio and Supervisely, for the tests."""
import base64
import io
import json
import zlib
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image


def save_image(path, size):
    """Save a grey JPEG of a size (H, W)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), 90, np.uint8)).save(path)
    return path


def square(size, top, left, height, width):
    """Return a mask (H, W) that is true in a box."""
    mask = np.zeros(size, bool)
    mask[max(0, top):top + height, max(0, left):left + width] = True
    return mask


def element(kind, label='cat', **attributes):
    """Return an element of CVAT's XML."""
    text = ''.join(f' {key}={quoteattr(str(value))}'
                   for key, value in dict(label=label, **attributes).items())
    return f'<{kind}{text} source="manual" occluded="0">' \
           f'<attribute name="a">1</attribute></{kind}>'


def cvat_polygon(points, label='cat', **attributes):
    return element('polygon', label, points=';'.join(
        f'{x:.2f},{y:.2f}' for x, y in points), **attributes)


def cvat_box(left, top, right, bottom, label='cat', **attributes):
    return element('box', label, xtl=left, ytl=top, xbr=right, ybr=bottom,
                   **attributes)


def cvat_mask(mask, left, top, label='cat', **attributes):
    """Return an element of a mask (h, w) at a place, row by row."""
    runs, value = [0], False
    for pixel in mask.reshape(-1).tolist():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return element(
        'mask', label, rle=', '.join(map(str, runs)), left=left, top=top,
        width=mask.shape[1], height=mask.shape[0], **attributes)


def write_cvat_xml(path, images, labels=('cat', 'dog'), size=(8, 12),
                   meta='task', **attributes):
    """Write annotations.xml.

    Args:
        images: Elements by name of the image.
    """
    listed = ''.join(
        f'<label><name>{name}</name><color>#ff0000</color><type>any</type>'
        '<attributes><attribute><name>a</name></attribute></attributes>'
        '</label>' for name in labels)
    more = ''.join(f' {key}="{value}"' for key, value in attributes.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>'
        f'<version>1.1</version><meta><{meta}><name>a task</name>'
        f'<labels>{listed}</labels></{meta}><dumped>2026</dumped></meta>'
        + ''.join(
            f'<image id="{i}" name={quoteattr(name)}{more} '
            f'width="{size[1]}" height="{size[0]}">{"".join(elements)}'
            '</image>' for i, (name, elements) in enumerate(images.items()))
        + '</annotations>', encoding='utf-8')
    return path


def brush_rle(mask, colour=(255, 0, 0), literal=False, sizes=(3, 4, 8, 16)):
    """Encode a mask (H, W) as Label Studio's brush does, red by default.

    Args:
        literal: Whether to write the values one by one instead of runs.
    """
    values = np.zeros((*mask.shape, 4), np.uint8)
    values[mask] = (*colour, 160)
    flat = values.reshape(-1)
    bits = [f'{len(flat):032b}', f'{7:05b}',
            *(f'{size - 1:04b}' for size in sizes)]
    most = 1 << sizes[3]
    if literal:
        for start in range(0, len(flat), most):
            part = flat[start:start + most]
            bits += ['0', '11', f'{len(part) - 1:0{sizes[3]}b}']
            bits += [f'{value:08b}' for value in part]
    else:
        changes = np.flatnonzero(np.diff(flat)) + 1
        for part in np.split(flat, changes):
            for start in range(0, len(part), most):
                length = len(part[start:start + most])
                kind = next(i for i in range(4) if length <= 1 << sizes[i])
                bits += ['1', f'{kind:02b}', f'{length - 1:0{sizes[kind]}b}',
                         f'{part[0]:08b}']
    text = ''.join(bits)
    text += '0' * (-len(text) % 8)
    return [int(text[i:i + 8], 2) for i in range(0, len(text), 8)]


def ls_result(kind, value, label='cat', size=(8, 12), i=None, **more):
    """Return a result of Label Studio of a tool with labels."""
    names = {} if label is None else {kind: [label]}
    return dict(
        id=i or f'{kind}{len(str(value))}', type=kind, from_name='label',
        to_name='image', original_width=size[1], original_height=size[0],
        image_rotation=0, origin='manual', value={**value, **names}, **more)


def percent(points, size=(8, 12)):
    return [[x * 100 / size[1], y * 100 / size[0]] for x, y in points]


def ls_polygon(points, label='cat', size=(8, 12), **more):
    return ls_result('polygonlabels', dict(
        points=percent(points, size), closed=True), label, size, **more)


def ls_box(x, y, width, height, label='cat', rotation=0, size=(8, 12)):
    (x, y), (width, height) = percent([(x, y), (width, height)], size)
    return ls_result('rectanglelabels', dict(
        x=x, y=y, width=width, height=height, rotation=rotation), label, size)


def ls_brush(mask, label='cat', **more):
    return ls_result('brushlabels', dict(format='rle', rle=brush_rle(mask)),
                  label, mask.shape, **more)


def ls_task(i, image, *results, **changes):
    """Return a task of Label Studio with one annotation."""
    return dict(
        id=i, data=dict(image=image), annotations=[dict(
            id=10 + i, completed_by=1, result=[*results],
            was_cancelled=False, ground_truth=False,
            created_at='2026-01-02T00:00:00Z', lead_time=1.5)],
        drafts=[], predictions=[dict(result=[ls_box(0, 0, 12, 8)])],
        meta={}, total_annotations=1) | changes


def json_min(i, image, *results, **changes):
    """Return a row of Label Studio's export JSON-MIN."""
    lists = {}
    for one in results:
        lists.setdefault(one['from_name'], []).append(dict(
            one['value'], original_width=one['original_width'],
            original_height=one['original_height']))
    return dict(image=image, id=i, **lists, annotator=1, annotation_id=10 + i,
                created_at='2026-01-02T00:00:00Z', lead_time=2.0) | changes


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def sly_figure(kind, title='cat', **more):
    """Return an object of Supervisely."""
    return dict(
        id=1, classId=7, labelerLogin='me', geometryType=kind, tags=[],
        classTitle=title, description='', **more)


def sly_polygon(exterior, *interior, title='cat'):
    return sly_figure('polygon', title, points=dict(
        exterior=[*exterior], interior=[*interior]))


def sly_rectangle(left, top, right, bottom, title='cat'):
    return sly_figure('rectangle', title, points=dict(
        exterior=[[left, top], [right, bottom]], interior=[]))


def sly_bitmap(mask, x, y, title='cat', mode='P', compress=True):
    """Return a mask at a place, in one of the forms of PNG.

    The mask of the mode alpha holds the grey values 0..255.
    """
    file = io.BytesIO()
    picture = Image.fromarray(mask.astype(np.uint8))
    if mode == 'P':
        picture.putpalette([0, 0, 0, 255, 255, 255])
        picture.save(file, 'PNG', transparency=0)
    elif mode == 'RGBA':
        rgba = np.full((*mask.shape, 4), 255, np.uint8)
        rgba[..., 3] = mask * 255
        Image.fromarray(rgba).save(file, 'PNG')
    else:
        high = 1 if mode == 'alpha' else 255
        Image.fromarray((mask * high).astype(np.uint8)).save(file, 'PNG')
    data = file.getvalue()
    text = base64.b64encode(zlib.compress(data) if compress else data)
    return sly_figure('bitmap', title, bitmap=dict(
        data=text.decode(), origin=[x, y]))


def write_supervisely(folder, images, classes=('cat', 'dog'), size=(8, 12)):
    """Write a project: figures by 'DATASET/name of the image'."""
    write_json(folder / 'meta.json', dict(classes=[
        dict(title=title, shape='any', color='#FF0000', id=i)
        for i, title in enumerate(classes)], tags=[], projectType='images'))
    for name, figures in images.items():
        dataset, image = Path(name).parent, Path(name).name
        write_json(folder / dataset / 'ann' / f'{image}.json', dict(
            description='', tags=[], objects=[*figures],
            size=dict(height=size[0], width=size[1])))
    return folder
