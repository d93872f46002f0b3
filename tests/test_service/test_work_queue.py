"""The queue: its places, its order and its time."""
import asyncio
import threading
import time

import pytest

pytest.importorskip('fastapi')

from fastapi import HTTPException
from starlette.requests import ClientDisconnect

from mmseg_panet.service.limits import Limits
from mmseg_panet.service.work_queue import THREADS, WorkQueue


def stays():
    """A client that does not disconnect."""
    return asyncio.sleep(60)


def test_places_are_limited_and_given_back_after_errors():
    queue = WorkQueue(Limits(requests=2))
    with queue.place():
        with pytest.raises(ValueError, match='bad'), queue.place():
            assert queue.requests == 2
            with pytest.raises(HTTPException, match='at most 2 requests'
                               ) as error, queue.place():
                pass
            assert error.value.status_code == 503
            assert error.value.headers == {'Retry-After': '1'}
            raise ValueError('bad')
        assert queue.requests == 1
    assert queue.requests == 0


def test_the_work_is_done_in_order_and_its_result_or_error_returned():
    queue, begun = WorkQueue(Limits()), []

    async def all_work():
        return await asyncio.gather(*(
            queue.run(lambda i=i: begun.append(i) or 10 // (i - 3), stays())
            for i in range(6)), return_exceptions=True)

    *first, third, fourth, fifth = asyncio.run(all_work())
    assert first == [-4, -5, -10]
    assert isinstance(third, ZeroDivisionError)
    assert (fourth, fifth) == (10, 5)
    assert len(begun) == 6


def test_work_that_waits_too_long_is_never_begun():
    queue, free, begun = WorkQueue(Limits(seconds=0.1)), threading.Event(), []

    async def too_much():
        return await asyncio.gather(*(
            queue.run(lambda i=i: begun.append(i) or free.wait(10), stays())
            for i in range(THREADS + 3)), return_exceptions=True)

    start = time.monotonic()
    found = asyncio.run(too_much())
    assert time.monotonic() - start < 5
    assert {one.status_code for one in found} == {504}
    assert all('within 0.1 seconds' in one.detail for one in found)
    free.set()
    queue.close()
    assert sorted(begun) == [*range(THREADS)]


def test_the_work_of_a_client_that_is_gone_is_never_begun():
    queue, free, begun = WorkQueue(Limits()), threading.Event(), []

    async def some_leave():
        staying = [
            asyncio.ensure_future(queue.run(lambda: free.wait(10), stays()))
            for _ in range(THREADS)]
        await asyncio.sleep(0)  # they begin
        with pytest.raises(ClientDisconnect):
            await queue.run(lambda: begun.append('gone'), asyncio.sleep(0))
        await asyncio.sleep(0)  # the work is cancelled
        last = queue.run(lambda: begun.append('last'), stays())
        free.set()
        return await asyncio.gather(*staying, last)

    assert asyncio.run(some_leave()) == [True] * THREADS + [None]
    assert begun == ['last']
