"""A page with a tiny network, and a person who uses it in a browser."""
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).parent


@contextmanager
def served(*arguments, env=None):
    """Serve the page of a command in a process; yield it and its address."""
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)], stdout=subprocess.PIPE,
        text=True, cwd=TESTS.parent, env=os.environ | dict(
            PYTHONPATH=os.pathsep.join([str(TESTS.parent), str(TESTS)]),
            PYTHONUNBUFFERED='1') | (env or {}))
    try:
        for line in process.stdout:
            if 'the page is at ' in line:
                yield process, line.partition(' at ')[2].partition(';')[0]
                break
        else:
            raise AssertionError('the page did not start')
    finally:
        process.terminate()
        process.stdout.read()
        process.wait(30)


class Person:
    """What a person does on the page.

    Args:
        page (playwright.sync_api.Page): A page of a browser.
        url (str): Address of the server.
    """

    def __init__(self, page, url):
        self.page = page
        page.set_default_timeout(60_000)
        page.goto(url)
        page.wait_for_selector('#marker canvas.marks', state='attached')
        self.status('0 images')

    def status(self, text):
        self.page.locator('#status', has_text=text).wait_for()

    def upload(self, *files):
        self.page.set_input_files('#upload input[type=file]', [
            file if isinstance(file, dict) else str(file) for file in files])

    def add_class(self, name):
        self.page.fill('#class-name input, #class-name textarea', name)
        self.page.click('#add-class')
        self.page.locator('#marker button.chip', has_text=name).wait_for()

    def tool(self, name):
        self.page.click(f'#marker button[data-tool={name}]')

    def choose_class(self, name):
        self.page.locator('#marker button.chip', has_text=name).click()

    def drag(self, *points):
        """Draw from point to point, in shares of the image."""
        canvas = self.page.locator('#marker canvas.marks')
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        places = [(box['x'] + x * box['width'], box['y'] + y * box['height'])
                  for x, y in points]
        mouse = self.page.mouse
        mouse.move(*places[0])
        mouse.down()
        for place in places[1:]:
            mouse.move(*place, steps=4)
        mouse.up()

    def load_bank(self, file):
        with self.page.expect_file_chooser() as found:
            self.page.click('#load-bank')
        found.value.set_files(file if isinstance(file, dict) else str(file))

    def legend(self, text):
        self.page.locator('#legend', has_text=text).wait_for()

    def refused(self, text):
        """Wait for a sentence that says what is wrong, and close it."""
        toast = self.page.locator('.toast-body', has_text=text)
        toast.wait_for()
        toast.locator('button').first.click()

    def picture(self):
        return self.page.locator('#result img').last.get_attribute('src')

    def select(self, index):
        picture = self.page.locator('#gallery button').nth(index)
        name = picture.text_content().split(' · ')[0].strip()
        picture.click()
        # A stroke before the canvas has changed belongs to the last image.
        self.page.wait_for_function(
            "name => document.querySelector('#marker img').alt === name",
            arg=name)

    def download(self, kind):
        with self.page.expect_download() as found:
            self.page.click(f'#save-{kind}')
        return found.value


def serve_small(**limits):
    """Serve a page with a tiny network that takes as long as a usual one."""
    from inference_parts import RESIZE, small_inferencer

    from mmseg_panet.app.limits import SessionLimits
    from mmseg_panet.app.server import serve
    from mmseg_panet.cli.server_arguments import open_socket, url_of
    inferencer = small_inferencer(RESIZE, feature_cache=50)
    predict = inferencer.predict

    def slow(*args, **kwargs):
        time.sleep(0.06)
        return predict(*args, **kwargs)

    inferencer.predict = slow
    with open_socket('127.0.0.1', 0) as listening:
        url = url_of(listening, '127.0.0.1')
        serve(inferencer, 'tiny', listening, limits=SessionLimits(**limits),
              open_browser=False,
              ready=lambda: print(f'the page is at {url}; end it'))


if __name__ == '__main__':
    serve_small(max_images=12, max_megabytes=2)
