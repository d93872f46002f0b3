"""Checkpoints that are written completely or not at all."""
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from ..files import atomic_path


def save_atomically(runner: Runner) -> None:
    """Let a runner write its checkpoints atomically.

    mmengine writes a checkpoint to its final name, where a killed process
    leaves a part of it, and removes an older one before.

    Args:
        runner (Runner): The runner. Its ``save_checkpoint`` and the rotation
            of its :class:`CheckpointHook` are replaced.
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
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook):
            _save_before_removing(hook)
            _save_best_before_removing(hook)


def _save_before_removing(hook: CheckpointHook) -> None:
    """Let a hook remove the oldest checkpoint after it has saved another."""
    save = hook._save_checkpoint_with_step

    def save_checkpoint(runner: Runner, step: int,
                        meta: Mapping[str, Any]) -> None:
        most, oldest = hook.max_keep_ckpts, None
        if most > 0 and step not in hook.keep_ckpt_ids:
            kept = hook.keep_ckpt_ids
            # The list is part of the checkpoint.
            oldest = kept.popleft() if len(kept) == most else None
            kept.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(kept))
        hook.max_keep_ckpts = -1
        try:
            save(runner, step, meta)
        finally:
            hook.max_keep_ckpts = most
        if oldest is not None and is_main_process():
            path = hook.file_backend.join_path(
                hook.out_dir, hook.filename_tmpl.format(oldest))
            if hook.file_backend.isfile(path):
                hook.file_backend.remove(path)

    hook._save_checkpoint_with_step = save_checkpoint


def _save_best_before_removing(hook: CheckpointHook) -> None:
    """Let a hook remove the best checkpoint after it has saved a better."""
    save = hook._save_best_checkpoint

    def save_best_checkpoint(runner: Runner,
                             metrics: Mapping[str, Any]) -> None:
        if not hook.save_best:
            return
        single = len(hook.key_indicators) == 1
        name = hook.key_indicators[0]
        before = ({name: hook.best_ckpt_path} if single
                  else dict(hook.best_ckpt_path_dict))
        # Without a path, mmengine removes nothing.
        if single:
            hook.best_ckpt_path = None
        else:
            hook.best_ckpt_path_dict = dict.fromkeys(before)
        try:
            save(runner, metrics)
        finally:
            after = ({name: hook.best_ckpt_path} if single
                     else hook.best_ckpt_path_dict)
            paths = {key: after[key] or before[key] for key in before}
            if single:
                hook.best_ckpt_path = paths[name]
            else:
                hook.best_ckpt_path_dict = paths
        for path in set(before.values()) - set(paths.values()) - {None}:
            if is_main_process() and hook.file_backend.isfile(path):
                hook.file_backend.remove(path)

    hook._save_best_checkpoint = save_best_checkpoint
