"""What persons do on the page, in a real browser without a window."""
import io
import json
import shutil
import zipfile
from collections import Counter

import cv2
import numpy as np
import psutil
import pytest
from inference_parts import RESIZE, image_of, small_inferencer
from page_runs import Person, served
from PIL import Image

pytest.importorskip('gradio')
playwright = pytest.importorskip('playwright.sync_api')
CHROMIUM = next(filter(None, map(shutil.which, (
    'chromium', 'chromium-browser', 'google-chrome'))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason='needs Chromium or Chrome')

HOSTILE = '<img src=x onerror=alert(1)>'
SIZE = (240, 320)
BOXES = [(20 + 20 * i, 40, 120, 120) for i in range(4)]
COLOURS = [(20, 20, 230), (230, 20, 20)]  # BGR: red, blue


def share(box, inset=0.0):
    """The corners of a box as shares of the image."""
    x, y, width, height = box
    return [(x / SIZE[1] + inset, y / SIZE[0] + inset),
            ((x + width) / SIZE[1] - inset, (y + height) / SIZE[0] - inset)]


def strokes(box):
    """A line from row to row that fills a box with the usual brush."""
    (left, top), (right, bottom) = share(box, 0.025)
    rows = np.linspace(top, bottom, 12)
    return [(x, y) for i, y in enumerate(rows)
            for x in ((left, right), (right, left))[i % 2]]


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Two images with a red box and two with a blue one."""
    folder = tmp_path_factory.mktemp('photos')
    for i, box in enumerate(BOXES):
        image, _ = image_of(COLOURS[i % 2], SIZE, box, seed=i)
        cv2.imwrite(str(folder / f'{i}.png'), image)
    return sorted(folder.iterdir())


@pytest.fixture(scope='module')
def running(tmp_path_factory):
    """The process of the page, its address and its temporary files."""
    folder = tmp_path_factory.mktemp('server')
    with served('tests/page_runs.py', env=dict(TMPDIR=str(folder))) as (
            process, url):
        yield process, url, folder
    assert not [*folder.iterdir()]  # all is removed at the end


@pytest.fixture(scope='module')
def server(running):
    return running[1]


@pytest.fixture(scope='module')
def chromium():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox'])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, server):
    """Make persons, each with a browser of their own.

    Dialogs, errors of scripts, and requests to other machines are faults.
    Gradio logs a file that is refused as too large, and asks for the progress
    of an upload that may be complete.
    """
    contexts, faults = [], []

    def check_console(message):
        of_upload = message.text == 'Response' or (
            '/gradio_api/upload' in message.location.get('url', ''))
        if message.type == 'error' and not of_upload:
            faults.append(f'{message.text} {message.location}')

    def check_request(request):
        if not request.url.startswith((server, 'data:', 'blob:')):
            faults.append(f'requested {request.url}')

    def refuse(dialog):
        faults.append(f'dialog {dialog.message}')
        dialog.dismiss()

    def make(width=1280, height=900, answer=refuse):
        context = chromium.new_context(
            viewport=dict(width=width, height=height))
        contexts.append(context)
        page = context.new_page()
        page.on('dialog', answer)
        page.on('pageerror', lambda one: faults.append(f'error {one}'))
        page.on('console', check_console)
        page.on('request', check_request)
        return Person(page, server)

    yield make
    for context in contexts:
        context.close()
    assert not faults


def masks_of(download):
    with zipfile.ZipFile(download.path()) as archive:
        return archive.read('classes.txt').decode(), {
            name: np.array(Image.open(io.BytesIO(archive.read(name))))
            for name in archive.namelist() if name.endswith('.png')}


def test_a_person_marks_corrects_downloads_and_loads(
        visit, files, tmp_path):
    me = visit()
    me.upload(*files)
    me.status('4 images')
    me.add_class('red')
    me.drag(*strokes(BOXES[0]))
    me.status('1 class, 1 example')

    classes, masks = masks_of(me.download('masks'))
    assert [line.split()[:2] for line in classes.splitlines()] == [
        ['0', 'background'], ['1', 'red'], ['255', 'undecided']]
    assert sorted(masks) == [f'masks/{i}.png' for i in range(4)]
    painted = masks['masks/0.png'] == 1
    x, y, width, height = BOXES[0]
    inside = painted[y:y + height, x:x + width]
    assert painted.shape == SIZE
    assert inside.mean() > 0.9 and painted.sum() - inside.sum() < 500
    # The other red box is found.
    x, y, width, height = BOXES[2]
    found = masks['masks/2.png'] == 1
    assert found[y:y + height, x:x + width].mean() > 0.5

    # The result of an image is corrected, and becomes an example.
    me.select(2)
    me.legend('red')
    me.page.click('#correct')
    me.page.wait_for_timeout(300)
    me.drag(*strokes(BOXES[2]))
    me.tool('erase')
    me.drag((0.02, 0.95), (0.98, 0.95))
    me.page.click('#accept')
    me.status('1 class, 2 examples')

    # A second class in another image.
    me.select(1)
    me.add_class('blue')
    me.tool('paint')
    me.drag(*strokes(BOXES[1]))
    me.status('2 classes, 3 examples')
    _, masks = masks_of(me.download('masks'))
    corrected = masks['masks/2.png']
    assert (corrected[y:y + height, x:x + width] == 1).mean() > 0.9
    assert not corrected[int(0.94 * SIZE[0]):int(0.96 * SIZE[0])].any()
    x, y, width, height = BOXES[3]
    assert (masks['masks/3.png'][y:y + height, x:x + width] == 2).mean() > 0.5

    coco = json.loads(me.download('coco').path().read_text())
    assert [one['name'] for one in coco['categories']] == ['red', 'blue']
    assert {one['file_name'] for one in coco['images']} == {
        one.name for one in files}
    assert {one['category_id'] for one in coco['annotations']} == {1, 2}
    bank = tmp_path / 'bank.safetensors'
    me.download('bank').save_as(bank)
    loaded = small_inferencer(RESIZE).load(bank)
    assert loaded.classes == ('red', 'blue') and loaded.bank.shots == [2, 1]

    # The bank is loaded by a new person, who adds other images.
    other = visit()
    other.load_bank(str(bank))
    other.status('2 classes, 0 examples')
    other.upload(files[3])
    other.status('1 image,')
    _, again = masks_of(other.download('masks'))
    np.testing.assert_array_equal(
        again['masks/3.png'], masks['masks/3.png'])


def test_thresholds_and_probabilities_are_shown(visit, files):
    me = visit()
    me.upload(*files[:3])
    me.status('3 images')
    me.add_class('red')
    me.drag(*strokes(BOXES[0]))
    me.status('1 example')
    me.select(2)
    me.page.wait_for_function(
        "document.querySelector('#legend').innerText.includes('red')")
    me.page.fill('#threshold input[type=number]', '0.999')
    me.page.keyboard.press('Tab')
    me.legend('undecided')
    _, masks = masks_of(me.download('masks'))
    assert (masks['masks/2.png'] == 255).any()
    before = me.picture()
    me.page.click('#show input')
    me.page.get_by_role('option', name='Probability of red').click()
    me.page.wait_for_function(
        'before => document.querySelectorAll("#result img")[1].src != before '
        '&& document.querySelectorAll("#result img")[0].src != before',
        arg=before)


def test_settings_stay_when_clicks_overtake_each_other(visit, files):
    """Results that are overtaken are not shown."""
    me = visit()
    me.upload(*files)
    me.status('4 images')
    me.upload(*files)
    me.status('8 images')
    me.add_class('red')
    threshold = me.page.locator('#threshold input[type=number]')
    for i in range(1, 5):
        me.drag((0.2, 0.1 * i), (0.5, 0.1 * i))
        me.page.wait_for_timeout(400)
        threshold.fill(f'0.{i}')
        me.page.keyboard.press('Tab')
    me.page.wait_for_timeout(1500)
    assert threshold.input_value() == '0.4'
    assert me.page.locator(
        '#opacity input[type=number]').input_value() == '0.5'
    me.download('masks')


def test_a_removed_class_is_asked_about_and_its_marks_stay_removed(
        visit, files):
    questions = []

    def refuse_once(question):
        questions.append(question.message)
        question.accept() if len(questions) > 1 else question.dismiss()

    me = visit(answer=refuse_once)
    me.upload(*files[:2])
    for name in ('first', 'second', 'third'):
        me.add_class(name)
    me.choose_class('second')
    me.drag(*strokes(BOXES[0]))
    me.status('3 classes, 1 example')
    me.page.click('#edit-classes button')
    me.page.click('#edited-class input')
    me.page.locator('[role=option]', has_text='first').click()
    me.page.wait_for_function(
        "document.querySelector('#new-name input, #new-name textarea').value")
    for number in (3, 2):
        me.page.click('#remove-class')
        me.status(f'{number} classes, 1 example')
    me.page.click('#marker button:text("Undo")')
    me.page.wait_for_timeout(600)  # a stroke is sent after 250 ms
    me.page.locator('#gallery', has_text='example of second').wait_for()
    assert questions == [
        'Remove this class, with its marks on all images?'] * 2


def test_boxes_and_clicks_are_examples(visit, files):
    me = visit()
    me.upload(*files[:3])
    me.status('3 images')
    me.add_class('red')
    me.tool('box')
    me.drag(*share(BOXES[0]))
    me.status('1 example')
    # A box is coarse: the mask is what is found.
    _, masks = masks_of(me.download('masks'))
    assert len(np.unique(masks['masks/0.png'])) == 2
    me.select(2)
    me.tool('scribble')
    me.drag(np.mean(share(BOXES[2]), axis=0))
    me.page.locator('.toast-body', has_text='Choose Background').wait_for()
    me.choose_class('Background')
    me.drag((0.8, 0.9))
    me.drag((0.05, 0.05), (0.3, 0.05))
    me.status('2 examples')


def test_a_wrong_and_a_huge_file_are_refused_in_a_sentence(
        visit, files, tmp_path):
    me = visit()
    wrong = dict(name=f'{HOSTILE}.jpg', mimeType='image/jpeg',
                 buffer=b'<svg onload=alert(1)>')
    me.upload(wrong)
    me.refused('is no complete image')
    noise = np.random.default_rng(0).integers(
        256, size=(1000, 1000, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'huge.png'), noise)  # 3 MB
    me.upload(tmp_path / 'huge.png')
    me.refused('huge.png')
    Image.new('1', (12000, 12000)).save(tmp_path / 'bomb.png')
    me.upload(tmp_path / 'bomb.png')
    me.refused('megapixels')
    me.load_bank(dict(
        name='pets.safetensors', mimeType='', buffer=b'no bank'))
    me.refused('pets.safetensors is not a prototype bank')
    me.upload(files[0])  # the page is still of use
    me.status('1 image,')


def test_two_persons_see_only_what_is_theirs(visit, files):
    me, other = visit(), visit()
    me.upload(*files[:2])
    other.upload(files[2])
    me.status('2 images')
    other.status('1 image,')
    me.add_class('mine')
    other.add_class('theirs')
    me.drag(*strokes(BOXES[0]))
    other.drag(*strokes(BOXES[2]))
    me.status('2 images, 1 class, 1 example')
    other.status('1 image, 1 class, 1 example')
    assert me.page.locator('text=theirs').count() == 0
    assert other.page.locator('text=mine').count() == 0
    for one, name, images in ((me, 'mine', '01'), (other, 'theirs', '2')):
        classes, masks = masks_of(one.download('masks'))
        assert classes.splitlines()[1].split()[1] == name
        assert sorted(masks) == [f'masks/{i}.png' for i in images]
    # A picture of the one is no secret, but its address is.
    sources = [
        {image.get_attribute('src') for image in one.page.locator(
            '#gallery img').all()} for one in (me, other)]
    assert not sources[0] & sources[1]


def test_html_in_names_is_text(visit, files, tmp_path):
    me = visit()
    content = files[0].read_bytes()
    me.upload(
        dict(name=f'{HOSTILE}.png', mimeType='image/png', buffer=content),
        dict(name='<script>alert(2)</script>.png', mimeType='image/png',
             buffer=files[2].read_bytes()))
    me.status('2 images')
    me.add_class(HOSTILE)
    me.drag(*strokes(BOXES[0]))
    me.status('1 class, 1 example')
    me.legend(HOSTILE)  # as text
    # Gradio replaces the first character of the name of a file.
    me.page.locator('#gallery', has_text=f'{HOSTILE[1:]}.png').wait_for()
    me.page.locator('#gallery', has_text='script>.png').wait_for()
    me.page.locator('#advice', has_text=f"'{HOSTILE}'").wait_for()
    me.page.click('#show input')
    me.page.get_by_role('option', name=f'Probability of {HOSTILE}').click()
    me.page.locator('#edit-classes button').first.click()
    me.page.click('#edited-class input')
    me.page.get_by_role('option', name=HOSTILE, exact=True).click()
    me.add_class('b"><b>bold</b>')
    # The field is emptied when the class has been added.
    me.page.wait_for_function(
        "document.querySelector('#class-name input, #class-name textarea')"
        ".value === ''")
    me.page.fill('#class-name input, #class-name textarea', HOSTILE)
    me.page.click('#add-class')
    me.refused(HOSTILE)
    me.load_bank(dict(
        name=f'{HOSTILE}.safetensors', mimeType='', buffer=b'no bank'))
    me.refused(f'{HOSTILE[1:]}.safetensors is not')
    assert me.page.locator('img[src=x], img[onerror]').count() == 0
    assert me.page.locator('b', has_text='bold').count() == 0
    assert not any('alert' in one for one in me.page.evaluate(
        '[...document.scripts].map(one => one.text)'))
    # A bank brings such a name to another person.
    me.download('bank').save_as(tmp_path / 'bank.safetensors')
    other = visit()
    other.load_bank(str(tmp_path / 'bank.safetensors'))
    other.status('1 class, 0 examples')
    other.legend(HOSTILE)
    assert other.page.locator('img[src=x], img[onerror]').count() == 0


def test_a_narrow_window_shows_all_without_scrolling_sideways(visit, files):
    me = visit(390, 844)
    me.upload(*files[:2])
    me.status('2 images')
    me.add_class('a class with a name that is rather long')
    me.drag(*strokes(BOXES[0]))
    me.status('1 example')
    assert me.page.evaluate(
        'document.scrollingElement.scrollWidth') <= 390
    for name in ('upload', 'class-name', 'marker', 'result', 'gallery',
                 'threshold', 'accept', 'save-masks', 'load-bank'):
        box = me.page.locator(f'#{name}').bounding_box()
        assert box['x'] >= 0 and box['x'] + box['width'] <= 390, name


def test_one_picture_is_drawn_of_each_image(visit, files):
    me = visit()
    me.upload(*files)
    me.status('4 images')
    me.add_class('red')
    me.drag(*strokes(BOXES[0]))
    me.status('1 example')
    captions = me.page.locator('#gallery button').all_inner_texts()
    assert Counter(len(one) > 0 for one in captions) == {True: 4}
    for image in me.page.locator('#gallery img').all():
        assert image.evaluate('one => one.naturalWidth') > 0


@pytest.mark.slow
def test_memory_and_files_do_not_grow_with_the_clicks(visit, files, running):
    """`benchmarks.page` does it for ten minutes."""
    process, _, folder = running
    me = visit()
    me.upload(*files)
    me.status('4 images')
    me.add_class('red')
    used = []
    for i in range(40):
        me.drag((0.2, 0.02 * i), (0.5, 0.02 * i + 0.1))
        me.page.wait_for_timeout(800)
        if i % 4 == 3:
            me.download(('masks', 'coco', 'bank')[i // 4 % 3])
        if i % 10 == 9:
            gone = visit()
            gone.upload(files[0])
            gone.status('1 image,')
            gone.page.context.close()
            one = psutil.Process(process.pid)
            used.append((one.memory_info().rss, one.num_fds(), sum(
                path.is_file() for path in folder.rglob('*'))))
    memory, opened, kept = np.array(used).T
    assert memory[-1] < 1.05 * memory[1]
    assert opened[-1] <= opened[1] + 2
    assert kept[-1] < kept[0] + 200  # pictures of an hour stay
