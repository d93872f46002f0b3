"""The server process of a service."""
import math
import signal
import socket
from contextlib import suppress
from typing import Any, NoReturn

import uvicorn
from fastapi import FastAPI

from .limits import Limits

_IDLE = 75
"""Seconds that a connection may be idle; proxies close theirs after 60."""


def run_server(app: FastAPI, listening: socket.socket,
               limits: Limits) -> None:
    """Serve requests until the process is interrupted or terminated.

    Requests that have arrived are answered first. A second signal ends the
    process at once.

    Args:
        app (FastAPI): See :func:`make_app`.
        listening (socket.socket): A socket that listens; it is closed.
        limits (Limits): See :func:`make_app`.
    """
    config = uvicorn.Config(
        app, http='h11', ws='none', loop='asyncio', lifespan='on',
        log_level='warning', access_log=False, server_header=False,
        headers=[('X-Content-Type-Options', 'nosniff')],
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=math.ceil(2 * limits.seconds))
    # After its end, uvicorn repeats the signal that ended it.
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
