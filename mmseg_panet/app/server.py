"""Serves the page until it is interrupted."""
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from ..errors import InputError
from ..files import StrPath
from ..inference.few_shot_inferencer import FewShotInferencer
from ..inference.shared_inferencer import SharedInferencer
from .free_memory import share_free_memory
from .limits import SessionLimits
from .session import Session
from .work import Work

_THREADS = 8
"""Threads of callbacks; the network serves one of them at a time."""


def serve(inferencer: FewShotInferencer, model: str,
          listening: socket.socket, bank: StrPath | None = None,
          limits: SessionLimits | None = None, open_browser: bool = True,
          ready: Callable[[], object] = lambda: None) -> NoReturn:
    """Serve the page until Ctrl-C.

    All files of the page are in a temporary folder, which is then removed.

    Args:
        inferencer (FewShotInferencer): The inferencer of all persons.
        model (str): Name of the model, which the page shows.
        listening (socket.socket): Socket of the address and the port, which
            is closed, as Gradio opens its own.
        bank (str | os.PathLike, optional): Bank whose classes every person
            starts with. Defaults to None.
        limits (SessionLimits, optional): What a person may upload. Defaults to
            :class:`SessionLimits`.
        open_browser (bool): Whether the page is opened in a browser.
            Defaults to True.
        ready (Callable): Function that is called when the page is served.

    Raises:
        InputError: If the bank cannot be used, or the port was taken
            meanwhile.
        KeyboardInterrupt: After Ctrl-C.
    """
    limits = limits or SessionLimits()
    shared = SharedInferencer(inferencer)
    with _temporary_folder(), _end_on_sigterm():
        from .events import make_page  # Gradio reads its folder once.
        from .style import appearance

        def make_work() -> Work:
            session = Session(shared, limits)
            if bank is not None:
                session.load_bank(bank)
            return Work(session)

        share_free_memory()
        make_work().session.close()  # A wrong bank is refused here.
        page = make_page(make_work, model)
        try:
            _launch(
                page, listening, inbrowser=open_browser, **appearance(),
                max_file_size=int(limits.max_megabytes * 1e6))
            ready()
            while True:
                threading.Event().wait(3600)
        finally:
            page.close(verbose=False)


def _launch(page: Any, listening: socket.socket, **settings: Any) -> None:
    address, port = listening.getsockname()[:2]
    listening.close()
    try:
        page.launch(
            server_name=f'[{address}]' if ':' in address else address,
            server_port=port, share=False, quiet=True, footer_links=[],
            prevent_thread_lock=True, ssr_mode=False, enable_monitoring=False,
            show_error=False, mcp_server=False, pwa=False, run_history=False,
            max_threads=_THREADS, **settings)
    except OSError as error:
        raise InputError(
            f'port {port} of {address} was taken by another program; give '
            'another one with --port') from error


@contextmanager
def _temporary_folder() -> Iterator[None]:
    """Make a folder that all temporary files of the block are in."""
    before, known = tempfile.tempdir, os.environ.get('GRADIO_TEMP_DIR')
    with tempfile.TemporaryDirectory(
            prefix='mmseg_panet-', ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = os.environ['GRADIO_TEMP_DIR'] = folder
        try:
            yield
        finally:
            tempfile.tempdir = before
            if known is None:
                del os.environ['GRADIO_TEMP_DIR']
            else:
                os.environ['GRADIO_TEMP_DIR'] = known


@contextmanager
def _end_on_sigterm() -> Iterator[None]:
    """Remove files on SIGTERM too."""
    def stop(*_: object) -> NoReturn:
        raise SystemExit(143)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
