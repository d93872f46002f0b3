"""The image of a request: its bytes in time, and their decoding."""
import asyncio

import numpy as np
import pytest

pytest.importorskip('fastapi')

from fastapi import HTTPException, Request
from service_parts import bomb, file_of, pixels

from mmseg_panet.images.decoder import decode_image
from mmseg_panet.images.pixel_limit import TooManyPixelsError
from mmseg_panet.images.reading import ImageReading
from mmseg_panet.service.limits import Limits
from mmseg_panet.service.upload import Upload, decode_upload, read_upload


def request_of(*messages, **headers):
    """A request whose body arrives in parts; after them, nothing comes."""
    left = list(messages)

    async def receive():
        if left:
            return left.pop(0)
        await asyncio.sleep(60)

    return Request(dict(
        type='http', method='POST', path='/', query_string=b'',
        headers=[(name.replace('_', '-').encode(), value.encode())
                 for name, value in headers.items()]), receive), left


def part(body, more=True):
    return dict(type='http.request', body=body, more_body=more)


def test_a_body_that_stops_is_given_up_and_its_connection_closed():
    request, _ = request_of(part(b'abc'))
    with pytest.raises(HTTPException, match='only a part') as error:
        asyncio.run(read_upload(request, Limits(seconds=0.05)))
    assert error.value.status_code == 408
    assert error.value.headers == {'Connection': 'close'}


def test_a_long_body_is_not_read_if_its_header_says_so():
    request, left = request_of(part(b'abc', False), content_length='4')
    with pytest.raises(HTTPException, match='at most 3 bytes') as error:
        asyncio.run(read_upload(request, Limits(upload=3)))
    assert error.value.status_code == 413
    assert len(left) == 1


@pytest.mark.parametrize('header', [{}, {'content_length': '2'}])
def test_a_long_body_is_read_no_further_than_its_limit(header):
    request, left = request_of(
        part(b'ab'), part(b'cd'), part(b'ef', False), **header)
    with pytest.raises(HTTPException, match='at most 3 bytes') as error:
        asyncio.run(read_upload(request, Limits(upload=3)))
    assert error.value.status_code == 413
    assert left == [part(b'ef', False)]


def test_a_body_as_long_as_the_limit_is_taken():
    request, _ = request_of(part(b'ab'), part(b'cd', False))
    assert asyncio.run(read_upload(request, Limits(upload=4))) == Upload(
        b'abcd')


def test_an_upload_is_read_as_a_file_with_the_bands_of_the_bank():
    content = file_of(pixels())
    swapped = ImageReading(bands=(3, 2, 1))
    for reading in (ImageReading(), swapped):
        np.testing.assert_array_equal(
            decode_upload(Upload(content), reading),
            decode_image(content, 'a.png', reading))


def test_an_image_of_too_many_pixels_has_an_error_of_its_own(
        tmp_path, monkeypatch):
    with pytest.raises(TooManyPixelsError, match='^a.png has 20000x20000'):
        decode_upload(Upload(bomb(tmp_path), 'a.png'), ImageReading())
    monkeypatch.setenv('MMSEG_PANET_MAX_PIXELS', '3000')
    with pytest.raises(TooManyPixelsError, match='^the body has 70x50'):
        decode_upload(Upload(file_of(pixels())), ImageReading())
