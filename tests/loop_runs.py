"""The test loop without the Runner, whose start takes seconds."""
from types import SimpleNamespace

from mmengine.evaluator import Evaluator
from mmseg.registry import DATASETS, MODELS
from torch.utils.data import DataLoader

from mmseg_panet.datasets import episode_collate
from mmseg_panet.engine import FewShotTestLoop


def make_loop(cfg, model=None, workers=0, hooks=(), **settings):
    """Build the test loop of a config."""
    calls = []
    runner = SimpleNamespace(
        model=model or MODELS.build(cfg.model),
        hooks=list(hooks), visualizer=SimpleNamespace(), iter=0, calls=calls)

    def call_hook(name, **kwargs):
        calls.append(name)
        for hook in hooks:
            getattr(hook, name)(runner, **kwargs)

    runner.call_hook = call_hook
    loader = DataLoader(
        DATASETS.build(
            dict(type='EpisodicDataset') | cfg.test_dataloader.dataset),
        batch_size=2,
        num_workers=workers, collate_fn=episode_collate)
    return FewShotTestLoop(
        runner, loader, Evaluator(cfg.test_evaluator), **settings)
