"""Pictures of episodes while a model is validated or tested."""
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..models.episode_layout import EpisodeLayout


@HOOKS.register_module()
class EpisodeVisualizationHook(Hook):
    """Plots the first episodes with :class:`FewShotVisualizer`.

    Args:
        num_pictures (int): Number of queries that each process plots in each
            validation or test. Defaults to 20.
        out_dir (str, optional): Folder of the pictures of a test, which are
            named ``run-episode-query_class.png``. Without it they go to the
            visualizer's backends, as those of a validation always do.
    """

    def __init__(self, num_pictures: int = 20,
                 out_dir: str | None = None) -> None:
        self.num_pictures = num_pictures
        self.out_dir = out_dir
        self._left = num_pictures

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        self._left = self.num_pictures

    def _after_iter(self, runner: Runner, batch_idx: int,
                    data_batch: Any = None, outputs: Any = None,
                    mode: str = 'train') -> None:
        """Plot the queries of a batch."""
        if mode == 'train' or self._left <= 0:
            return
        folder = self.out_dir if mode == 'test' else None
        layout = EpisodeLayout.from_samples(data_batch['data_samples'])
        images = list(zip(
            data_batch['inputs'], data_batch['data_samples'], strict=True))
        supports = layout.supports_of(images)
        num_supports = layout.ways * layout.shots
        queries = list(zip(layout.queries_of(images), outputs, strict=True))
        for i, (query, output) in enumerate(queries[:self._left]):
            episode, number = divmod(i, layout.queries)
            start = episode * num_supports
            name = (f'{output.run}-{output.episode:05d}-{number}_'
                    f'{output.class_names[output.way - 1]}')
            runner.visualizer.add_episode(
                name, supports[start:start + num_supports], query, output,
                step=runner.iter,
                out_file=folder and str(Path(folder) / f'{name}.png'))
        self._left -= len(outputs)
