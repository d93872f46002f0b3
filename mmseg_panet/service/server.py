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
               limits: Limits) -> bool:
    """Serve requests until the process is interrupted or terminated.

    Requests that have arrived are answered first. After a second Ctrl-C,
    they are refused.

    Args:
        app (FastAPI): See :func:`make_app`.
        listening (socket.socket): A socket that listens; it is closed.
        limits (Limits): See :func:`make_app`.

    Returns:
        bool: Whether the requests that had arrived were answered.
    """
    config = uvicorn.Config(
        app, http='h11', ws='none', loop='asyncio', lifespan='on',
        log_level='warning', access_log=False, server_header=False,
        headers=[('X-Content-Type-Options', 'nosniff')],
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=math.ceil(2 * limits.seconds))
    # After its end, uvicorn repeats the signal that ended it.
    before = signal.signal(signal.SIGTERM, _stop)
    server = uvicorn.Server(config)
    try:
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    finally:
        signal.signal(signal.SIGTERM, before)
    return not server.force_exit


def _stop(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
