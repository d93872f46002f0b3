"""The process group of a launcher that started several processes."""
import os
import subprocess
from datetime import timedelta
from typing import Any

import torch

from ..errors import InputError
from ..wording import counted

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID',
              'SLURM_NODELIST'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE',
            'OMPI_COMM_WORLD_LOCAL_RANK', 'MASTER_ADDR'),
}
"""The variables of each launcher for the rank of a process, the number of
processes, the rank on its machine, and the machine of the first process."""
_COMMANDS = {'pytorch': 'torchrun', 'slurm': 'srun', 'mpi': 'mpirun'}


def check_launcher(launcher: str, on_gpu: bool) -> None:
    """Check that a launcher started this process, and that it has a GPU.

    Args:
        launcher (str): One of ``LAUNCHERS``.
        on_gpu (bool): Whether each process uses a GPU.

    Raises:
        InputError: If a variable of the launcher is missing or is no number,
            or if there are more processes than GPUs on this machine.
    """
    if launcher == 'none':
        return
    names = _VARIABLES[launcher]
    for name in names:
        if name not in os.environ:
            raise InputError(
                f'expected the environment variable {name} with --launcher '
                f'{launcher}, got none; start the command with '
                f'{_COMMANDS[launcher]}, or remove --launcher')
    *_, local_rank = map(_read_number, names[:3])
    _read_number('MASTER_PORT', default='29500')
    found = torch.cuda.device_count()
    if on_gpu and local_rank >= found:
        raise InputError(
            'expected a GPU for each process of this machine, got '
            f'{counted(found, "GPU")} and {1 + local_rank} or more '
            'processes; start fewer processes, or hide the GPUs with '
            'CUDA_VISIBLE_DEVICES= to run on CPUs')


def _read_number(name: str, default: str = '') -> int:
    """Read a number from an environment variable."""
    value = os.environ.get(name, default)
    if not (value.isascii() and value.isdigit()):
        raise InputError(
            f'expected a number in the environment variable {name}, which '
            f'the launcher sets, got {value!r}; correct it, or remove '
            '--launcher')
    return int(value)


def join_on_cpu(launcher: str, timeout: int | None = None) -> None:
    """Join the process group of a launcher without GPUs.

    mmengine's ``init_dist`` requires a GPU for each process. This function
    reads the same variables, and uses the backend gloo.

    Args:
        launcher (str): One of ``LAUNCHERS`` except 'none'.
        timeout (int, optional): Seconds that a process waits for another.
            Defaults to torch's.
    """
    rank, size, local_rank, machines = (
        os.environ[name] for name in _VARIABLES[launcher])
    os.environ.update(RANK=rank, WORLD_SIZE=size, LOCAL_RANK=local_rank)
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        names = subprocess.run(
            ['scontrol', 'show', 'hostname', machines], check=True,
            capture_output=True, text=True).stdout
        os.environ['MASTER_ADDR'] = names.split()[0]
    # torch 2.1 accepts no None.
    limit: dict[str, Any] = {} if timeout is None else dict(
        timeout=timedelta(seconds=timeout))
    torch.distributed.init_process_group('gloo', **limit)
