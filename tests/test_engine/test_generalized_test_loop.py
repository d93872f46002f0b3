"""A test of base and novel classes at once, and a real run of it."""
import json
from types import SimpleNamespace

import pytest
import torch
from generalized_parts import write_config
from mmengine.evaluator import Evaluator
from mmseg.registry import DATASETS, MODELS
from tool_runs import tool
from torch.utils.data import DataLoader

from mmseg_panet.config.config_file import read_config
from mmseg_panet.datasets import episode_collate
from mmseg_panet.engine import GeneralizedTestLoop
from mmseg_panet.errors import InputError
from mmseg_panet.evaluation import count_pixels
from mmseg_panet.models import Classifier, SupportStatistics
from mmseg_panet.visualization import EpisodeVisualizationHook


@MODELS.register_module()
class CellClassifier(Classifier):
    """A classifier that reads the cells of the supports."""

    needs = ('cells',)

    def logits(self, features, supports, shots):
        raise AssertionError


@pytest.fixture
def cfg(tmp_path, toy_root):
    return read_config(write_config(tmp_path, toy_root))


def make_loop(cfg, hooks=(), **settings):
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval().double()
    torch.nn.init.normal_(model.decode_head.head.conv_seg.weight, std=9)
    loader = DataLoader(DATASETS.build(cfg.test_dataloader.dataset),
                        collate_fn=episode_collate)
    runner = SimpleNamespace(
        model=model, hooks=list(hooks), visualizer=SimpleNamespace(),
        call_hook=lambda *_, **__: None)
    return GeneralizedTestLoop(
        runner, loader, Evaluator(cfg.test_evaluator), **settings)


def encode(model, item):
    data = model.data_preprocessor(episode_collate([[item]]))
    sample, = data['data_samples']
    return model.decode_head.features(
        model.extract_feat(data['inputs'].double())), sample


def plain_statistics(head, features, masks):
    return head.mask_statistics(features, torch.stack(masks)[None]).each(
        lambda one: one[0])


def plain_counts(loop, base_statistics):
    """Fit each run and predict each image, one after the other."""
    model, dataset = loop.runner.model, loop.dataloader.dataset
    head = model.decode_head
    if base_statistics:
        base = None
        for image in range(len(dataset.images.image_ids)):
            features, sample = encode(model, dataset.labelled_image(
                image, dataset.base_ids, 'base'))
            one = plain_statistics(head, features, [
                sample.gt_sem_seg.data[0] == label for label in range(10)])
            base = one if base is None else base + one
        head.fit_base(base)
    found = []
    for run in range(2):
        episode, supports = dataset.episode(run), []
        for way, images in enumerate(episode.supports, start=1):
            for image in images:
                features, sample = encode(model, dataset.labelled_image(
                    image, episode.class_ids, 'support'))
                labels = sample.gt_sem_seg.data[0]
                supports.append(plain_statistics(
                    head, features, [labels == 0, labels == way]))
        stacked = SupportStatistics(**{
            name: torch.stack([one.tensors()[name] for one in supports])[None]
            for name in supports[0].tensors()})
        head.fitted = head.fit_classes(stacked, [2, 2, 2])
        for image in range(len(dataset.queries)):
            item, = dataset[run * len(dataset.queries) + image]
            data = model.data_preprocessor(episode_collate([[item]]))
            sample, = model.predict(
                data['inputs'].double(), data['data_samples'])
            found.append(count_pixels(
                sample.pred_sem_seg.data[0], sample.gt_sem_seg.data[0], 12))
    return found


@pytest.mark.parametrize(('base_statistics', 'base_by', 'novel_pixels'), [
    (False, 'weights', 'background'), (True, 'weights', 'ignore'),
    (True, 'statistics', 'background')])
@torch.no_grad()
def test_the_counts_are_those_of_every_image_and_run_alone(
        base_statistics, base_by, novel_pixels, cfg):
    cfg.model.decode_head.base_by = base_by
    cfg.test_dataloader.dataset.novel_pixels = novel_pixels
    loop = make_loop(cfg, base_statistics=base_statistics)
    loop.runner.model.data_preprocessor.double()
    counts = loop._count_episodes()
    plain = plain_counts(loop, base_statistics)
    assert len(counts) == len(plain) == 72
    assert sum(one.intersection[:9].sum() for one in counts) > 0
    assert sum(one.intersection[9:12].sum() for one in counts) > 0
    for one, (intersection, union) in zip(counts, plain, strict=True):
        assert (one.intersection == intersection).all()
        assert (one.union == union).all()


def test_a_model_is_trained_and_tested_by_the_commands(tmp_path, toy_root):
    config = write_config(tmp_path, toy_root)
    run = tmp_path / 'run'
    tool('train.py', config, '--work-dir', run, '--fold', 1)
    done = tool('test.py', config, run / 'iter_2.pth', '--work-dir', run,
                '--fold', 1, '--shots', 1, '--out', tmp_path / 'one.json')
    assert 'harmonic mean' in done.stdout.splitlines()[-1]
    one = json.loads((tmp_path / 'one.json').read_text())
    assert one['num_shots'] == 1 and one['fold'] == 1
    assert len(one['harmonic_mean_runs']) == 2
    failed = tool('test.py', config, run / 'iter_2.pth', '--work-dir', run,
                  '--fold', 0, '--shots', 1, code=2)
    assert 'give the fold of its training with --fold' in failed.stderr
    # The file of an ordinary closed-set model gives the same scores.
    checkpoint = torch.load(run / 'iter_2.pth', weights_only=False)
    weights = checkpoint['state_dict']
    closed = {key.replace('decode_head.head.', 'decode_head.'): value
              for key, value in weights.items()}
    assert closed.keys() != weights.keys()
    torch.save(dict(state_dict=closed), run / 'closed.pth')
    tool('test.py', config, run / 'closed.pth', '--work-dir', run,
         '--fold', 1, '--shots', 1, '--out', tmp_path / 'other.json')
    other = json.loads((tmp_path / 'other.json').read_text())
    for key in ('base_mIoU_runs', 'novel_mIoU_runs', 'per_class'):
        assert one[key] == other[key]
    # The results can be compared image by image.
    done = tool('compare', tmp_path / 'one.json', tmp_path / 'other.json')
    assert 'mIoU' in done.stdout


@pytest.mark.parametrize(('change', 'message'), [
    (dict(test_evaluator=dict(type='FewShotIoUMetric')),
     'expected a GeneralizedIoUMetric as metric'),
    (dict(test_evaluator=[dict(type='GeneralizedIoUMetric')] * 2),
     'expected one metric for GeneralizedTestLoop, got 2'),
    (dict(model=dict(test_cfg=dict(
        mode='slide', crop_size=(9, 9), stride=(9, 9)))), "mode='slide'"),
    (dict(model=dict(decode_head=dict(
        classifier=dict(type='CellClassifier', _delete_=True)))),
     'CellClassifier, which reads the cells of the supports'),
])
def test_parts_that_do_not_fit_are_refused(change, message, cfg):
    cfg.merge_from_dict(change)
    cfg.test_evaluator = change.get('test_evaluator', cfg.test_evaluator)
    with pytest.raises(InputError, match=message):
        make_loop(cfg)._can_reuse()


def test_the_pools_may_be_exchanged(cfg):
    cfg.test_dataloader.dataset.update(
        num_shots=1, query_pool='train', pool='val')
    assert make_loop(cfg)._can_reuse()


def test_plots_of_episodes_are_refused(cfg):
    loop = make_loop(cfg, [EpisodeVisualizationHook(num_pictures=1)])
    with pytest.raises(InputError, match='remove --show-dir'):
        loop._can_reuse()
    assert make_loop(cfg, [EpisodeVisualizationHook(num_pictures=0)]
                     )._can_reuse()
