"""All images of a pool, and supports of all novel classes of another."""
import pytest
from generalized_parts import write_config
from mmseg.registry import DATASETS

from mmseg_panet.config.config_file import read_config
from mmseg_panet.config.settings import apply_settings
from mmseg_panet.datasets import TOY_CLASSES
from mmseg_panet.errors import InputError


@pytest.fixture
def cfg(tmp_path, toy_root):
    return read_config(write_config(tmp_path, toy_root))


def test_each_run_has_other_supports_of_all_novel_classes(cfg):
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    counts = dataset.images.index.counts
    runs = [dataset.episode(run) for run in range(2)]
    for run in runs:
        assert run.class_ids == (1, 2, 3)
        used = [image for images in run.supports for image in images]
        assert len(set(used)) == 3 * 2
        for class_id, images in zip(run.class_ids, run.supports, strict=True):
            assert (counts[list(images), class_id] > 0).all()
    assert runs[0].supports != runs[1].supports


def test_an_item_is_an_image_of_a_run_with_all_classes(cfg):
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    assert len(dataset) == 2 * 36 == 2 * len(dataset.queries)
    one, other = dataset[3], dataset[36 + 3]
    samples = [item[0]['data_samples'] for item in (one, other)]
    assert [(sample.run, sample.episode) for sample in samples] == [
        (0, 3), (1, 3)]
    assert samples[0].img_path == samples[1].img_path
    assert samples[0].class_ids == [*range(4, 13), 1, 2, 3]
    assert dataset.metainfo['class_names'] == [
        *TOY_CLASSES[3:], *TOY_CLASSES[:3]]
    assert dataset.metainfo['base_names'] == list(TOY_CLASSES[3:])


def test_the_pools_must_have_no_image_in_common(cfg):
    dataset = cfg.test_dataloader.dataset
    dataset.query_pool = 'train'
    with pytest.raises(InputError, match='got 84, such as .*split the images'):
        DATASETS.build(dataset)


def test_an_image_by_another_path_is_in_common(cfg, tmp_path, toy_root):
    (tmp_path / 'link').symlink_to(toy_root)
    dataset = cfg.test_dataloader.dataset
    dataset.pools.val = dict(
        dataset.pools.train, data_root=str(tmp_path / 'link'))
    with pytest.raises(InputError, match='got 84, such as .*split the images'):
        DATASETS.build(dataset)


def test_classes_of_a_single_fold_are_refused(cfg):
    dataset = cfg.test_dataloader.dataset
    dataset.folds = [list(TOY_CLASSES[:3])]
    dataset.fold = 0
    with pytest.raises(InputError, match='in two or more folds .*split them'):
        DATASETS.build(dataset)


def test_all_novel_classes_are_ways(cfg):
    dataset = cfg.test_dataloader.dataset
    assert len(DATASETS.build(dataset | dict(num_ways=3))) == 72
    with pytest.raises(InputError, match='all 3 novel classes of fold 0'):
        DATASETS.build(dataset | dict(num_ways=2))


def test_flags_set_the_fold_and_the_shots_of_every_data_set(cfg):
    apply_settings(cfg, fold=2, shots=4, data_root='other')
    assert cfg.test_dataloader.dataset.num_shots == 4
    assert 'num_shots' not in cfg.train_dataloader.dataset
    for name in ('train', 'val', 'test'):
        dataset = cfg[f'{name}_dataloader'].dataset
        assert dataset.fold == 2
        assert dataset.pools.train.data_root == 'other'
