import os
import signal
import time

import cv2
import pytest

from mmseg_panet.errors import InputError, RunError
from mmseg_panet.parallel import parallel_map


def late_and_square(number):
    time.sleep(0.002 * (number % 3))
    return number**2


def threads(_):
    return cv2.getNumThreads(), os.getpid()


def refuse_seven(number):
    if number == 7:
        raise InputError('seven is no number')
    return number


def die_at_seven(number):
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_are_in_the_order_of_the_items():
    assert parallel_map(late_and_square, range(50), 'counting') == [
        number**2 for number in range(50)]


def test_no_items_give_no_results():
    assert parallel_map(late_and_square, [], 'counting') == []


def test_an_exception_of_a_process_is_raised_here():
    with pytest.raises(InputError, match='^seven is no number$'):
        parallel_map(refuse_seven, range(50), 'counting')


def test_a_process_that_is_killed_ends_the_work_with_a_sentence():
    with pytest.raises(RunError, match='counting: .* one that was killed'):
        parallel_map(die_at_seven, range(50), 'counting')


def test_it_runs_in_processes_with_one_thread_each():
    found = parallel_map(threads, range(40), 'counting')
    assert {number for number, _ in found} == {1}
    assert os.getpid() not in {process for _, process in found}


def test_it_describes_the_work_on_standard_error(capfd):
    parallel_map(late_and_square, range(3), 'counting 3 numbers')
    printed = capfd.readouterr()
    assert printed.out == ''
    first, last = printed.err.splitlines()
    assert first == 'counting 3 numbers'
    assert '100%' in last
