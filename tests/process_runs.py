"""A function, run by several processes that share a process group."""
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
    context = multiprocessing.get_context('fork')
    queue, port = context.Queue(), free_port()
    processes = [
        context.Process(target=_run, args=(
            number, rank, port, queue, function, arguments))
        for rank in range(number)]
    for process in processes:
        process.start()
    results = dict(queue.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    return [torch.load(io.BytesIO(results[rank]), weights_only=False)
            for rank in range(number)]


def _run(number, rank, port, queue, function, arguments):
    os.environ.update(
        RANK=str(rank), WORLD_SIZE=str(number), LOCAL_RANK=str(rank),
        MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.distributed.init_process_group(
        'gloo', timeout=timedelta(seconds=100))
    try:
        result = function(*arguments)
    except (Exception, SystemExit) as error:
        result = error
    # The queue itself would share the memory of this process.
    file = io.BytesIO()
    torch.save(result, file)
    queue.put((rank, file.getvalue()))
    torch.distributed.destroy_process_group()
