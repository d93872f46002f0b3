"""Checkpoints that are written completely or not at all."""
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.runner import Runner

from ..files import atomic_path


def save_atomically(runner: Runner) -> None:
    """Let a runner write its checkpoints atomically.

    mmengine writes a checkpoint to its final name, where a killed process
    leaves a part of it.

    Args:
        runner (Runner): The runner, whose method is replaced.
    """
    save = runner.save_checkpoint

    def save_checkpoint(out_dir: str, filename: str, *args: Any,
                        backend_args: dict | None = None,
                        **kwargs: Any) -> None:
        backend = get_file_backend(out_dir, backend_args=backend_args)
        if not is_main_process() or not isinstance(backend, LocalBackend):
            save(out_dir, filename, *args, backend_args=backend_args,
                 **kwargs)
            return
        with atomic_path(Path(out_dir, filename)) as part:
            save(out_dir, part.name, *args, backend_args=backend_args,
                 **kwargs)

    runner.save_checkpoint = save_checkpoint
