"""A small server that answers cvat-cli as CVAT does, for one task."""
import io
import json
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TASK = 7


class FakeCvat:
    """A task of CVAT with images and labels.

    Args:
        images (dict[str, bytes]): Files by their name.
        sizes (list[tuple[int, int]]): H and W of each image.
        labels (dict[str, int]): Ids by name.
        kind (str): Type of the labels.
    """

    def __init__(self, images, sizes, labels, kind='any'):
        self.images, self.sizes = images, sizes
        self.labels, self.kind = labels, kind
        self.uploads = []

    def answer(self, path, query):
        """Return the JSON or the bytes of a GET request, or None."""
        if path == '/api/server/about':
            return dict(name='CVAT', description='', version='2.80.0',
                        logo_url='', subtitle='')
        if path == f'/api/tasks/{TASK}':
            return dict(
                id=TASK, name='photos', organization=None,
                size=len(self.images), mode='annotation',
                data_chunk_size=8, data_original_chunk_type='imageset',
                data_compressed_chunk_type='imageset', dimension='2d',
                jobs=dict(count=1, completed=0, validation=0),
                labels=dict(url=''), updated_date='2026-11-26T12:00:00Z')
        if path == '/api/labels':
            labels = [
                dict(id=i, name=name, color='#ff0000', attributes=[],
                     type=self.kind, sublabels=[], task_id=TASK,
                     parent_id=None, has_parent=False)
                for name, i in self.labels.items()]
            return dict(count=len(labels), next=None, previous=None,
                        results=labels)
        if path == f'/api/tasks/{TASK}/data/meta':
            return dict(
                size=len(self.images), chunk_size=8, image_quality=100,
                chunks_updated_date='2026-11-26T12:00:00Z',
                start_frame=0, stop_frame=len(self.images) - 1,
                frame_filter='', deleted_frames=[], included_frames=None,
                frames=[dict(name=name, width=width, height=height,
                             related_files=0, has_related_context=False)
                        for name, (height, width) in zip(
                            self.images, self.sizes, strict=True)])
        if path == f'/api/tasks/{TASK}/data/':
            start = 8 * int(query['number'][0])
            file = io.BytesIO()
            with zipfile.ZipFile(file, 'w') as archive:
                for i, content in enumerate(
                        [*self.images.values()][start:start + 8]):
                    archive.writestr(f'{i:06d}.png', content)
            return file.getvalue()
        return None

    @contextmanager
    def served(self):
        """Serve it on a free port, and yield its address."""
        cvat = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                url = urlsplit(self.path)
                found = cvat.answer(url.path, parse_qs(url.query))
                self.reply(404 if found is None else 200, found)

            def do_PATCH(self):
                length = int(self.headers['Content-Length'])
                body = json.loads(self.rfile.read(length))
                cvat.uploads.append((self.path, body))
                self.reply(200, dict(version=1, tags=[], shapes=[], tracks=[]))

            def reply(self, status, found):
                is_file = isinstance(found, bytes)
                content = found if is_file else json.dumps(found).encode()
                self.send_response(status)
                self.send_header('Content-Type', (
                    'application/zip' if is_file
                    else 'application/vnd.cvat+json'))
                self.send_header('Content-Length', str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        thread = threading.Thread(
            target=server.serve_forever, kwargs=dict(poll_interval=0.01))
        thread.start()
        try:
            yield f'http://127.0.0.1:{server.server_port}'
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
