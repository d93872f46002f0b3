"""Serves the page until it is interrupted."""
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from ..errors import InputError
from ..files import StrPath
from ..inference.few_shot_inferencer import FewShotInferencer
from ..inference.shared_inferencer import SharedInferencer
from ..notices import warn_once
from .limits import Limits
from .session import Session
from .work import Work

LOCAL = '127.0.0.1'
PORTS = range(7860, 7960)
"""The ports that are tried if none is given."""


def require_gradio() -> None:
    """Check that Gradio is installed.

    Raises:
        InputError: If it is not.
    """
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise InputError(
            'expected Gradio, which the page is made with, got none; run '
            '`pip install "mmseg_panet[app]"`') from error


def serve(inferencer: FewShotInferencer, model: str,
          bank: StrPath | None = None, limits: Limits | None = None,
          address: str = LOCAL, port: int | None = None,
          open_browser: bool = True) -> NoReturn:
    """Serve the page until Ctrl-C.

    All files of the page are in a temporary folder, which is then removed.

    Args:
        inferencer (FewShotInferencer): The inferencer of all persons.
        model (str): Name of the model, which the page shows.
        bank (str | os.PathLike, optional): Bank whose classes every person
            starts with. Defaults to None.
        limits (Limits, optional): What a person may upload. Defaults to
            :class:`Limits`.
        address (str): Address of this machine that the page is served at.
            Defaults to this machine alone.
        port (int, optional): Port. Defaults to the first free one of
            :data:`PORTS`.
        open_browser (bool): Whether the page is opened in a browser.
            Defaults to True.

    Raises:
        InputError: If the address or the port cannot be used.
        KeyboardInterrupt: After Ctrl-C.
    """
    limits = limits or Limits()
    shared = SharedInferencer(inferencer)
    with _temporary_folder(), _end_on_sigterm():
        from .events import make_page  # Gradio reads its folder once.
        from .style import appearance

        def make_work() -> Work:
            session = Session(shared, limits)
            if bank is not None:
                session.load_bank(bank)
            return Work(session)

        make_work().session.close()  # A wrong bank is refused here.
        page = make_page(make_work, model)
        try:
            _launch(page, address, port, inbrowser=open_browser, **appearance(
                ), max_file_size=int(limits.max_megabytes * 1e6))
            shown = f'[{address}]' if ':' in address else address
            print(f'the page is at http://{shown}:{page.server_port}; end it '
                  'with Ctrl-C', flush=True)
            while True:
                threading.Event().wait(3600)
        finally:
            page.close(verbose=False)


def _launch(page: Any, address: str, port: int | None, **settings: Any
            ) -> None:
    if address != LOCAL:
        warn_once(
            f'the page is served at {address} without a password: whoever '
            'reaches this address can use it')
    for one in PORTS if port is None else [port]:
        with suppress(OSError):
            page.launch(
                server_name=address, server_port=one, share=False,
                quiet=True, prevent_thread_lock=True, footer_links=[],
                ssr_mode=False, enable_monitoring=False, show_error=False,
                mcp_server=False, pwa=False, run_history=False, **settings)
            return
    where = f'port {port}' if port is not None else (
        f'a port of {PORTS[0]}..{PORTS[-1]}')
    raise InputError(
        f'expected {where} of {address} to be free, got one that is in use '
        'or an address of another machine; choose another --port or --bind')


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
