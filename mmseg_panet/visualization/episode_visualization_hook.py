"""Draws episodes while a model is validated or tested."""
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..models.episode_layout import EpisodeLayout


@HOOKS.register_module()
class EpisodeVisualizationHook(Hook):
    """Gives the first episodes to :class:`FewShotVisualizer`.

    Args:
        num_pictures (int): Queries drawn in each validation or test, by
            each process. Defaults to 20.
        out_dir (str, optional): Where the pictures of a test go, as
            ``run-episode-query_class.png``; without it they go to the
            visualizer's backends, as those of a validation always do.
    """

    def __init__(self,
                 num_pictures: int = 20,
                 out_dir: str | None = None) -> None:
        self.num_pictures = num_pictures
        self.out_dir = out_dir
        self._drawn = 0

    def before_val_epoch(self, runner: Runner) -> None:
        """Start to count."""
        self._drawn = 0

    before_test_epoch = before_val_epoch

    def after_val_iter(self, runner: Runner, batch_idx: int,
                       data_batch: Any = None, outputs: Any = None) -> None:
        """Draw the queries of a batch."""
        self._draw(runner, data_batch, outputs, None)

    def after_test_iter(self, runner: Runner, batch_idx: int,
                        data_batch: Any = None, outputs: Any = None) -> None:
        """Draw the queries of a batch."""
        self._draw(runner, data_batch, outputs, self.out_dir)

    def _draw(self, runner: Runner, data_batch: Any, outputs: Any,
              out_dir: str | None) -> None:
        if self._drawn >= self.num_pictures:
            return
        layout = EpisodeLayout.of(data_batch['data_samples'])
        images = list(zip(
            data_batch['inputs'], data_batch['data_samples'], strict=True))
        supports = layout.supports_of(images)
        queries = layout.queries_of(images)
        num_supports = layout.ways * layout.shots
        for i, (query, output) in enumerate(
                zip(queries, outputs, strict=True)):
            if self._drawn >= self.num_pictures:
                return
            episode, number = divmod(i, layout.queries)
            start = episode * num_supports
            name = (
                f'{output.run}-{output.episode:05d}-{number}_'
                f'{output.class_names[output.way - 1]}')
            runner.visualizer.add_episode(
                name, supports[start:start + num_supports], query, output,
                step=runner.iter,
                out_file=out_dir and str(Path(out_dir) / f'{name}.png'))
            self._drawn += 1
