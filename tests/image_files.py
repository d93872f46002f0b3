"""Files of images and videos with known pixels."""
import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image, PngImagePlugin


def ramp(height=40, width=60):
    """Create a smooth BGR image, which JPEG hardly changes."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack(
        [rows * 4, columns * 4, 200 - rows - columns], axis=2).astype(np.uint8)


def save_image(path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ramp()[..., ::-1].copy()).save(path, **options)
    return path


def write_video(path, frames):
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for i in range(frames):
        writer.write(np.full((48, 64, 3), 20 * i, np.uint8))
    writer.release()
    return path


def read_video(path):
    """Read all frames of a video (BGR) as a list, and its rate."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        found, frame = capture.read()
        if not found:
            return frames, capture.get(cv2.CAP_PROP_FPS)
        frames.append(frame)


def write_huge_png(path, side=20000):
    """Write the start of a PNG of many pixels."""
    def chunk(kind, data):
        return (struct.pack('>I', len(data)) + kind + data
                + struct.pack('>I', zlib.crc32(kind + data)))
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0))
        + chunk(b'IDAT', zlib.compress(bytes(10 * (1 + side)))))


def tiff_bytes(array, orientation=1, photometric=None, extra=None, bits=None,
               kind=None, planar=1, order='<', rows=None, tile=None,
               compression=1, pack=bytes, predictor=1, nodata=None):
    """Write a TIFF of any type by the specification, TIFF 6.0.

    ``pack`` compresses a strip or a tile. With ``bits``, the values of an
    array of integers are packed, high bits first.
    """
    array = array[..., None] if array.ndim == 2 else array
    height, width, channels = array.shape
    code = dict(u=1, i=2, f=3, c=6)[array.dtype.kind] if kind is None else kind
    stored = array.astype(array.dtype.newbyteorder(order))

    def encode(part):
        if bits is None:
            return pack(np.ascontiguousarray(part).tobytes())
        flat = part.reshape(len(part), -1).astype(np.uint64)
        shifts = np.arange(bits - 1, -1, -1, dtype=np.uint64)
        rows_of_bits = (flat[..., None] >> shifts & np.uint64(1)).astype(
            np.uint8).reshape(len(part), -1)
        return pack(np.packbits(rows_of_bits, axis=1).tobytes())

    planes = [stored] if planar == 1 else [
        stored[..., i:i + 1] for i in range(channels)]
    if tile is None:
        rows = rows or height
        parts = [plane[top:top + rows] for plane in planes
                 for top in range(0, height, rows)]
    else:
        down, across = -(-height // tile[0]), -(-width // tile[1])
        padded = [np.pad(plane, (
            (0, down * tile[0] - height), (0, across * tile[1] - width),
            (0, 0))) for plane in planes]
        parts = [plane[y * tile[0]:, x * tile[1]:][:tile[0], :tile[1]]
                 for plane in padded
                 for y in range(down) for x in range(across)]
    data = [encode(part) for part in parts]
    if photometric is None:
        photometric = 2 if channels in (3, 4) else 1
    tags = [(256, 'I', [width]), (257, 'I', [height]),
            (258, 'H', [bits or 8 * array.itemsize] * channels),
            (259, 'H', [compression]), (262, 'H', [photometric]),
            (274, 'H', [orientation]), (277, 'H', [channels]),
            (284, 'H', [planar]), (317, 'H', [predictor]),
            (339, 'H', [code] * channels)]
    if extra is not None:
        tags.append((338, 'H', [extra]))
    if nodata is not None:
        tags.append((42113, 's', nodata.encode() + b'\0'))
    places, lengths = (273, 279) if tile is None else (324, 325)
    tags += [(278, 'I', [rows])] if tile is None else [
        (322, 'I', [tile[1]]), (323, 'I', [tile[0]])]
    tags.append((lengths, 'I', [len(part) for part in data]))
    # The values that do not fit into the directory follow it.
    end = 8 + 2 + 12 * (len(tags) + 1) + 4
    beside = sum(len(_tag_values(order, one, value))
                 for _, one, value in [*tags, (places, 'I', data)]
                 if len(_tag_values(order, one, value)) > 4)
    starts = np.cumsum([0, *map(len, data)])[:-1] + end + beside
    tags.append((places, 'I', starts.tolist()))
    directory, values = b'', b''
    for tag, one, value in sorted(tags):
        packed = _tag_values(order, one, value)
        directory += struct.pack(
            f'{order}HHI', tag, dict(H=3, I=4, s=2)[one], len(value))
        if len(packed) > 4:
            directory += struct.pack(f'{order}I', end + len(values))
            values += packed
        else:
            directory += packed.ljust(4, b'\0')
    return (
        (b'II*\0' if order == '<' else b'MM\0*') + struct.pack(f'{order}I', 8)
        + struct.pack(f'{order}H', len(tags)) + directory + bytes(4) + values
        + b''.join(data))


def _tag_values(order, one, value):
    if one == 's':
        return value
    return struct.pack(f'{order}{len(value)}{one}', *(
        0 if isinstance(each, bytes) else each for each in value))


SEEN = ('jpg', 'jpg-be', 'png', 'png-xmp', 'png-text', 'webp', 'webp-prefix',
        'webp-xmp', 'tif', 'tif-lzw', 'tif-jpeg', 'tif-16', 'avif')
"""Formats of :func:`oriented_bytes`."""


def xmp(orientation):
    """Make XMP with an orientation, as Lightroom writes it."""
    return (
        b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        b'tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>' % orientation)


def exif_bytes(orientation, order='<'):
    return struct.pack(
        f'{order}2sHIHHHIHHI', b'II' if order == '<' else b'MM', 42, 8, 1, 274,
        3, 1, orientation, 0, 0)


def oriented_bytes(kind, orientation, written=0, picture=None, **options):
    """Encode a picture that is seen the same way for every orientation.

    What is seen is 24 wide and 16 high, with a bright square of 8 at the top
    left, or ``picture``. ``written`` is the orientation in the metadata, that
    of the pixels by default, and None for no metadata.
    """
    if picture is None:
        picture = np.zeros((16, 24), np.uint8)
        picture[:8, :8] = 255
    # The inverse of each step by itself is known from EXIF's definition.
    ways = {1: [], 2: [np.fliplr], 3: [np.flipud, np.fliplr], 4: [np.flipud],
            5: [np.transpose], 6: [np.transpose, np.flipud],
            7: [np.transpose, np.flipud, np.fliplr],
            8: [np.transpose, np.fliplr]}
    stored = picture
    for step in ways[orientation]:
        stored = step(stored)
    stored = np.ascontiguousarray(stored)
    tag = orientation if written == 0 else written
    image, data = Image.fromarray(stored), io.BytesIO()
    name, _, how = kind.partition('-')
    if name == 'tif':
        if how == '16':
            return tiff_bytes(stored.astype(np.uint16) * 257, tag)
        compression = dict(lzw='tiff_lzw', jpeg='jpeg').get(how)
        image.save(data, 'TIFF', tiffinfo={274: tag}, compression=compression,
                   **dict(quality=95) if how == 'jpeg' else {})
        return data.getvalue()
    settings = dict(jpg=dict(quality=95), png={}, webp=dict(lossless=True),
                    avif=dict(quality=95))[name] | options
    if name in ('jpg', 'webp', 'avif'):
        image = image.convert('RGB')
    if tag is None:
        pass
    elif how == 'xmp' and name == 'png':
        info = PngImagePlugin.PngInfo()
        info.add_itxt('XML:com.adobe.xmp', xmp(tag)[29:].decode())
        settings['pnginfo'] = info
    elif how == 'text':
        info = PngImagePlugin.PngInfo()
        raw = b'Exif\0\0' + exif_bytes(tag)
        info.add_text(
            'Raw profile type exif', f'\nexif\n{len(raw)}\n{raw.hex()}\n',
            zip=True)
        settings['pnginfo'] = info
    elif how == 'xmp':
        settings['xmp'] = xmp(tag)[29:]
    else:
        settings['exif'] = b'Exif\0\0' + exif_bytes(
            tag, '>' if how == 'be' else '<')
    image.save(data, dict(jpg='JPEG').get(name, name.upper()), **settings)
    return _with_prefix(data.getvalue(), exif_bytes(tag)) if (
        how == 'prefix') else data.getvalue()


def _with_prefix(webp, exif):
    """Write the EXIF of a WebP behind 'Exif', as old software did."""
    chunks, place = b'', 12
    while place < len(webp):
        kind, length = struct.unpack('<4sI', webp[place:place + 8])
        data = webp[place + 8:place + 8 + length]
        if kind == b'EXIF':
            data = b'Exif\0\0' + exif
        chunks += kind + struct.pack('<I', len(data)) + data + bytes(
            len(data) % 2)
        place += 8 + length + length % 2
    return b'RIFF' + struct.pack('<I', len(chunks) + 4) + b'WEBP' + chunks
