"""What a client gets from each address, and for each bad request."""
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_parts import RESIZE, red_and_blue, small_inferencer
from service_parts import (
    HTML,
    bomb,
    client_of,
    file_of,
    opened,
    pixels,
    service_inferencer,
)

from mmseg_panet.errors import InputError
from mmseg_panet.version import versions


@pytest.fixture(scope='module')
def inferencer():
    return service_inferencer()


@pytest.fixture(scope='module')
def client(inferencer):
    with client_of(inferencer, upload=100_000) as client:
        yield client


def detail(answer, status):
    """The sentence of an error, which is all that there is."""
    assert answer.status_code == status, answer.text
    assert answer.headers['content-type'] == 'application/json'
    assert answer.json().keys() == {'detail'}
    sentence = answer.json()['detail']
    assert 'Traceback' not in sentence and '\n' not in sentence
    return sentence


def test_the_mask_of_a_body_is_what_the_inferencer_predicts(
        client, inferencer):
    image = pixels()
    expected, = inferencer.predict([image])
    answer = client.post('/segment', content=file_of(image))
    assert answer.status_code == 200
    assert answer.headers['content-type'] == 'image/png'
    mask = opened(answer.content)
    np.testing.assert_array_equal(np.array(mask), expected.class_map)
    assert 1 in expected.class_map
    assert bytes(mask.getpalette()) == inferencer.palette().tobytes()


@pytest.mark.parametrize('kind', ['PNG', 'WEBP', 'BMP', 'TIFF', 'JPEG'])
def test_the_content_decides_the_type_whatever_the_header_and_the_name(
        kind, client):
    content = file_of(pixels(), kind)
    masks = {
        answer.content for answer in (
            client.post('/segment', content=content),
            client.post('/segment', content=content, headers={
                'Content-Type': 'application/x-www-form-urlencoded'}),
            client.post('/segment', content=content, headers={
                'Content-Type': 'text/html'}),
            client.post('/segment', files={
                'any': ('a.txt', content, 'text/plain')}))}
    mask, = masks
    assert opened(mask).size == (70, 50)


def test_a_photograph_on_its_side_is_answered_upright(client):
    image = opened(file_of(pixels()))
    exif = image.getexif()
    exif[274] = 6  # turned by a quarter
    turned = io.BytesIO()
    image.save(turned, 'JPEG', exif=exif)
    answer = client.post('/segment', content=turned.getvalue())
    assert opened(answer.content).size == (50, 70)


def test_the_confidence_of_a_request_is_for_this_request_only(
        client, inferencer):
    image = pixels()
    certain, = inferencer.predict([image], min_confidence=0.999)
    plain, = inferencer.predict([image])
    assert 255 in certain.class_map and 255 not in plain.class_map
    for query, expected in (
            ('?min_confidence=0.999', certain), ('', plain)):
        answer = client.post(f'/segment{query}', content=file_of(image))
        np.testing.assert_array_equal(
            np.array(opened(answer.content)), expected.class_map)


def test_a_probability_is_a_grey_picture_of_its_class(client, inferencer):
    image = pixels()
    found, = inferencer.predict([image], keep_probabilities=True)
    for number, name in enumerate(inferencer.classes, 1):
        answer = client.post(
            '/segment', content=file_of(image),
            params={'format': 'probability', 'class_name': name})
        values = np.array(opened(answer.content))
        assert values.shape == (50, 70) and values.dtype == np.uint8
        np.testing.assert_allclose(
            values / 255, found.probabilities[number], atol=0.5 / 255 + 1e-6)


def test_the_labels_are_named_with_their_colours(client, inferencer):
    answer = client.get('/classes').json()
    rows = {row['label']: row for row in answer['classes']}
    assert {label: row['name'] for label, row in rows.items()} == {
        0: 'none', 1: 'red', 2: HTML, 255: 'undecided'}
    assert all(
        row['color'] == inferencer.palette()[label].tolist()
        for label, row in rows.items())
    assert answer['classifier'] == inferencer.classifier
    assert answer['versions'] == versions()


def test_names_with_html_are_strings_of_json(client):
    for answer in (
            client.get('/classes'),
            client.post('/segment?format=json', files={
                'a': (HTML, file_of(pixels()))}),
            client.post('/segment', params={
                'format': 'probability', 'class_name': HTML + '!'}),
            client.get(f'/{HTML}')):
        assert answer.headers['content-type'] == 'application/json'
        assert HTML in json.dumps(answer.json())


def test_the_health_tells_how_many_requests_there_are(client):
    assert client.get('/health').json() == {
        'status': 'ok', 'requests': 0, 'max_requests': 16}


def test_the_description_is_complete_without_a_page_of_the_internet(client):
    found = client.get('/openapi.json').json()
    assert found['paths'].keys() == {'/health', '/classes', '/segment'}
    post = found['paths']['/segment']['post']
    assert {one['name'] for one in post['parameters']} == {
        'format', 'min_confidence', 'class_name', 'per', 'segmentation',
        'min_area'}
    assert post['requestBody']['content'].keys() == {
        'image/*', 'multipart/form-data'}
    assert post['responses'].keys() >= {
        '200', '400', '408', '413', '415', '422', '503', '504'}
    for page in ('docs', 'redoc', ''):
        assert detail(client.get(f'/{page}'), 404).startswith(
            'expected POST /segment, GET /classes')
    assert detail(client.get('/segment'), 405).endswith('got GET /segment')


@pytest.mark.parametrize(('query', 'message'), [
    ('format=gif', "format: input should be 'png', 'overlay', 'probability' "
     "or 'json', got gif; correct it in the URL"),
    ('min_confidence=2', 'min_confidence: input should be less than or equal '
     'to 1, got 2; correct it in the URL'),
    ('min_confidence=nan', 'min_confidence: input should be'),
    ('min_area=-1', 'min_area: input should be greater than or equal to 0'),
    ('min_area=inf', 'min_area: input should be a finite number'),
    ('confidence=1', 'confidence: extra inputs are not permitted, got 1'),
    ('format=probability', "class_name as a class of GET /classes, such as "
     "'red', got none"),
    ('format=probability&class_name=cat', "got 'cat'; correct it in the URL"),
    ('min_area=9', 'min_area only with format=json, got it with format=png'),
    ('class_name=red', 'class_name only with format=probability, got it'),
    ('format=probability&class_name=red&min_confidence=1', 'min_confidence '
     'only with format=png or overlay or json, got it'),
    ('format=json&per=class&min_area=9', 'min_area only with per=object, '),
])
def test_a_setting_out_of_range_is_a_sentence(query, message, client):
    answer = client.post(f'/segment?{query}', content=file_of(pixels()))
    assert message in detail(answer, 422)


@pytest.mark.parametrize(('status', 'message', 'content', 'headers'), [
    (400, 'got 0 bytes; send the file', b'', {}),
    (415, 'expected an image as JPEG', b'%PDF-1.4 hello', {}),
    (415, 'expected an image as JPEG', b'{"image": "a.jpg"}',
     {'Content-Type': 'application/json'}),
    (415, 'without a Content-Encoding', b'x', {'Content-Encoding': 'gzip'}),
    (413, 'at most 100,000 bytes', bytes(100_001), {}),
    (422, 'cut short', file_of(pixels())[:-200], {}),
    (422, 'cut short', file_of(pixels(), 'JPEG')[:900], {}),
    (400, 'Missing boundary', b'x',
     {'Content-Type': 'multipart/form-data'}),
    (400, 'expected a form with one file', b'x',
     {'Content-Type': 'multipart/form-data; boundary=y'}),
])
def test_a_body_that_is_no_image_is_a_sentence(
        status, message, content, headers, client):
    answer = client.post('/segment', content=content, headers=headers)
    assert message in detail(answer, status)


@pytest.mark.parametrize('parts', [
    [('a', ('a.png', file_of(pixels()))), ('b', ('b.png', b'x'))],
    [('a', (None, b'text'))],
    [('a', ('a.png', file_of(pixels()))), ('format', (None, b'json'))],
])
def test_a_form_has_one_file_and_no_settings(parts, client):
    answer = client.post('/segment', files=parts)
    assert detail(answer, 400).startswith('expected a form with one file')


def test_a_form_that_is_cut_has_no_complete_file(client):
    content = (b'--y\r\nContent-Disposition: form-data; name="a"; '
               b'filename="a.png"\r\n\r\n') + file_of(pixels())
    answer = client.post('/segment', content=content, headers={
        'Content-Type': 'multipart/form-data; boundary=y'})
    assert 'got no complete file' in detail(answer, 400)


def test_an_empty_file_of_a_form_is_named_as_such(client):
    answer = client.post('/segment', files={'image': ('a.png', b'')})
    assert 'got 0 bytes' in detail(answer, 400)


def test_a_file_of_a_form_is_named_without_its_folders(client):
    answer = client.post('/segment', files={
        'image': (r'C:\secret\a.png', file_of(pixels())[:-200])})
    assert detail(answer, 422).startswith('a.png is no complete image')


def test_many_pixels_in_a_small_file_are_refused_by_the_header(
        client, tmp_path):
    answer = client.post('/segment', content=bomb(tmp_path))
    assert 'has 20000x20000 pixels, expected at most' in detail(answer, 413)


def test_a_body_of_unknown_length_is_counted_while_it_arrives(client):
    def chunks():
        for _ in range(10_000):
            yield bytes(1000)

    answer = client.post('/segment', content=chunks())
    assert 'at most 100,000 bytes' in detail(answer, 413)


def test_a_token_is_needed_but_for_the_health(inferencer):
    with client_of(inferencer, token='secret') as client:
        for headers in (
                {}, {'Authorization': 'Bearer other'},
                {'Authorization': 'Bearer '},
                {'Authorization': 'Basic secret'},
                {'Authorization': 'Bearer sécret'.encode()}):
            for answer in (
                    client.get('/classes', headers=headers),
                    client.post('/segment', headers=headers,
                                content=file_of(pixels()))):
                assert 'Authorization: Bearer TOKEN' in detail(answer, 401)
                assert answer.headers['www-authenticate'] == 'Bearer'
        right = {'Authorization': 'Bearer secret'}
        assert client.get('/health').status_code == 200
        assert client.get('/classes', headers=right).status_code == 200
        assert client.post('/segment', headers=right, content=file_of(
            pixels())).status_code == 200


def test_a_fault_of_the_service_is_a_sentence_without_its_traceback(
        monkeypatch, inferencer):
    def fail(*_):
        raise RuntimeError('secret /etc/passwd')

    monkeypatch.setattr(inferencer, 'predict', fail)
    with client_of(inferencer) as client:
        answer = client.post('/segment', content=file_of(pixels()))
        assert detail(answer, 500) == (
            'the service failed at this request; its log says why')
        assert client.get('/health').json()['requests'] == 0


def test_a_refusal_of_the_inferencer_is_its_sentence(monkeypatch, inferencer):
    def refuse(*_):
        raise InputError('the backbone overflows; take another image')

    monkeypatch.setattr(inferencer, 'predict', refuse)
    with client_of(inferencer) as client:
        assert detail(
            client.post('/segment', content=file_of(pixels())), 422
        ) == 'the backbone overflows; take another image'


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.tuples(st.sampled_from([
            file_of(pixels(), kind) for kind in ('PNG', 'JPEG', 'TIFF')]),
            st.integers(0, 9000), st.binary(min_size=1, max_size=4)).map(
                lambda edit: edit[0][:edit[1]] + edit[2]
                + edit[0][edit[1] + len(edit[2]):])),
    kind=st.sampled_from([
        'image/png', '', 'multipart/form-data; boundary=a',
        'multipart/form-data; boundary="', 'x' * 9]))
def test_any_bytes_are_a_mask_or_a_sentence(content, kind, client):
    answer = client.post(
        '/segment', content=content, headers={'Content-Type': kind})
    assert answer.status_code in (200, 400, 413, 415, 422)
    if answer.status_code == 200:
        assert opened(answer.content).format == 'PNG'
    else:
        detail(answer, answer.status_code)


def test_more_than_254_classes_are_16_bits():
    examples = red_and_blue(1)['red']
    inferencer = small_inferencer(RESIZE).fit(
        {f'class {i}': examples for i in range(256)})
    with client_of(inferencer) as client:
        mask = opened(client.post(
            '/segment', content=file_of(pixels())).content)
        assert mask.mode.startswith('I')
        assert client.get('/classes').json()['classes'][-1]['label'] == 65535


def test_an_address_with_a_slash_is_a_sentence_and_not_a_redirect(client):
    answer = client.post('/segment/', content=file_of(pixels()))
    assert 'got POST /segment/' in detail(answer, 404)
