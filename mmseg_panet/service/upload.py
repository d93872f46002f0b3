"""The image that a request brings, as its body or as a file of a form."""
import asyncio
from pathlib import PureWindowsPath
from typing import NamedTuple

import numpy as np
from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import Message, Receive

from ..errors import InputError
from ..images.decoder import decode_image, stored_size
from ..images.pixel_limit import TooManyPixelsError
from ..images.reading import ImageReading
from .limits import Limits

_CLOSE = {'Connection': 'close'}
"""Header after which the server reads no more of a body."""
_LONGEST_NAME = 200


class Upload(NamedTuple):
    """A file and its name, which is empty if the body is the file."""

    content: bytes
    name: str = ''


async def read_upload(request: Request, limits: Limits) -> Upload:
    """Read the image of a request.

    The content of the file decides its type, and the header of the request
    only says whether the body is a form.

    Args:
        request (Request): A request whose body was not read.
        limits (Limits): Its bytes are checked by the header before the body
            is read, and while it is read.

    Raises:
        HTTPException: With the status 400 if there is no image, 408 if the
            body does not arrive in time, 413 if it is too large, or 415 if
            it is compressed.
    """
    encoding = request.headers.get('content-encoding', 'identity')
    if encoding != 'identity':
        raise HTTPException(
            415, 'expected a body without a Content-Encoding, got one; send '
            'the file of the image as it is')
    announced = request.headers.get('content-length', '')
    if announced.isdecimal() and int(announced) > limits.upload:
        raise _too_large(limits.upload)
    limited = Request(
        request.scope, _limited(request.receive, limits.upload))
    media = request.headers.get('content-type', '').lower()
    read = _form_file if media.startswith('multipart/form-data') else _body
    try:
        upload = await asyncio.wait_for(read(limited), limits.seconds)
    except asyncio.TimeoutError as error:
        raise HTTPException(
            408, f'expected the complete body within {limits.seconds:g} '
            'seconds, got only a part; send it again', _CLOSE) from error
    if not upload.content:
        raise HTTPException(
            400, 'expected an image as the body, or as the file of a form, '
            'got 0 bytes; send the file, as `curl --data-binary @FILE` does')
    return upload


def decode_upload(upload: Upload, reading: ImageReading) -> np.ndarray:
    """Decode an image as a viewer shows it, see :func:`decode_image`.

    Args:
        upload (Upload): The file.
        reading (ImageReading): Bands and stretch, as of the bank.

    Returns:
        np.ndarray: (H, W, 3) uint8 BGR.

    Raises:
        HTTPException: With the status 415 if it is no image of a known
            format.
        InputError: If the image is damaged; a TooManyPixelsError if it is
            too large.
    """
    try:
        return decode_image(
            upload.content, upload.name or 'the body', reading)
    except TooManyPixelsError:
        raise
    except InputError as error:
        if stored_size(upload.content, 'the body') is not None:
            raise
        raise HTTPException(
            415, 'expected an image as JPEG, PNG, WebP, BMP or TIFF, got '
            'something else; the content counts, and not the name or the '
            'header') from error


async def _body(request: Request) -> Upload:
    return Upload(await request.body())


async def _form_file(request: Request) -> Upload:
    expected = 'expected a form with one file, and settings in the URL'
    try:
        async with request.form(max_files=1, max_fields=1) as form:
            files = [one for _, one in form.multi_items()]
            if len(files) != 1 or not isinstance(files[0], UploadFile):
                raise HTTPException(
                    400, f'{expected}, got no complete file or other fields; '
                    'send it as `curl -F image=@FILE` does')
            # Some browsers send a path.
            name = PureWindowsPath(files[0].filename or '').name
            return Upload(await files[0].read(), name[-_LONGEST_NAME:])
    except (StarletteHTTPException, ValueError) as error:
        # Older versions of starlette raise the ValueError of the parser.
        why = getattr(error, 'detail', str(error)).rstrip('.')
        if getattr(error, 'status_code', 400) != 400 or why.startswith(
                'expected'):
            raise
        raise HTTPException(
            400, f'{expected}, got another one ({why}); send it as `curl -F '
            'image=@FILE` does') from error


def _limited(receive: Receive, most: int) -> Receive:
    """Count the bytes of a body while they arrive."""
    left = most

    async def limited() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get('body', b''))
        if left < 0:
            raise _too_large(most)
        return message

    return limited


def _too_large(most: int) -> HTTPException:
    return HTTPException(
        413, f'expected a body of at most {most:,} bytes, got more; make the '
        'image smaller, or start the service with a larger --max-upload')
