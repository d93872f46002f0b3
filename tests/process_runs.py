"""A function, run by several forked processes."""
import io
import multiprocessing
import os
import socket
from datetime import timedelta

import torch


def free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


def in_processes(number, function, *arguments):
    """Run a function in forked processes; return their results by rank."""
    port = free_port()
    return in_environments([
        dict(RANK=str(rank), WORLD_SIZE=str(number), LOCAL_RANK=str(rank),
             MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
        for rank in range(number)], _join_and_run, function, *arguments)


def in_environments(environments, function, *arguments):
    """Run a function in a fork with each environment; return the results."""
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    processes = [
        context.Process(
            target=_run, args=(index, env, queue, function, arguments))
        for index, env in enumerate(environments)]
    for process in processes:
        process.start()
    results = dict(queue.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    return [torch.load(io.BytesIO(results[index]), weights_only=False)
            for index in range(len(processes))]


def _join_and_run(function, *arguments):
    torch.distributed.init_process_group(
        'gloo', timeout=timedelta(seconds=100))
    return function(*arguments)


def _run(index, env, queue, function, arguments):
    os.environ.update(env)
    try:
        result = function(*arguments)
    except (Exception, SystemExit) as error:
        result = error
    # The queue itself would share the memory of this process.
    file = io.BytesIO()
    torch.save(result, file)
    queue.put((index, file.getvalue()))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
