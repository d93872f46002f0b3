"""The queue of requests in front of the inferencer."""
import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from fastapi import HTTPException
from starlette.requests import ClientDisconnect

from ..wording import counted
from .limits import Limits

THREADS = 2
"""One decodes an image or encodes an answer while one uses the network."""
_Answer = TypeVar('_Answer')


class WorkQueue:
    """Works on requests in their order, and refuses those that are too many.

    The memory of a service is limited, as each request holds its image.

    Args:
        limits (Limits): Number of requests, and time for an answer.

    Attributes:
        requests (int): Number of requests that have a place.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(THREADS, 'segment')
        self.requests = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while a request is read and worked on.

        Raises:
            HTTPException: With the status 503 if there is none, or if the
                service ends before the answer is ready.
        """
        if self.requests >= self._limits.requests:
            raise HTTPException(
                503, 'expected at most '
                f"{counted(self._limits.requests, 'request')} at once, got "
                'one more; send it again after the seconds of Retry-After',
                {'Retry-After': '1'})
        self.requests += 1
        try:
            yield
        except asyncio.CancelledError as error:
            raise HTTPException(
                503, 'the service ends; send the request again when it runs',
                {'Retry-After': '1'}) from error
        finally:
            self.requests -= 1

    async def run(self, work: Callable[[], _Answer],
                  gone: Awaitable[object]) -> _Answer:
        """Do the work of a request in a thread, when it is its turn.

        Work that is given up before it has begun is never done.

        Args:
            work (Callable): Returns the answer.
            gone (Awaitable): Ends when the client has disconnected.

        Raises:
            ClientDisconnect: If the client disconnects.
            HTTPException: With the status 504 if it takes too long.
        """
        answer = asyncio.wrap_future(self._pool.submit(work))
        waiting = (answer, asyncio.ensure_future(gone))
        try:
            done, _ = await asyncio.wait(
                waiting, timeout=self._limits.seconds,
                return_when=asyncio.FIRST_COMPLETED)
            if answer in done:
                return answer.result()
            if done:
                raise ClientDisconnect
            raise HTTPException(
                504, f'expected an answer within {self._limits.seconds:g} '
                'seconds, got none; send a smaller image, or send it again '
                'later')
        finally:
            for one in waiting:
                one.cancel()

    def close(self) -> None:
        """Wait for the work that has begun, and end the threads."""
        self._pool.shutdown()
