"""A data set of 300 classes through the real commands and the inferencer."""
import json

import numpy as np
import pytest
import torch
from inference_parts import image_of, small_config, small_inferencer
from mmengine.config import Config
from mmseg.apis import inference_model, init_model, show_result_pyplot
from mmseg.datasets.transforms import PackSegInputs
from mmseg.models.losses import CrossEntropyLoss
from mmseg.registry import DATASETS, METRICS
from PIL import Image
from tool_runs import REPO, SMALL, tool

from mmseg_panet.annotations.class_colours import class_palette
from mmseg_panet.annotations.class_list import ClassList
from mmseg_panet.datasets.transforms import LoadWideAnnotations
from mmseg_panet.errors import InputError
from mmseg_panet.inference.advice.report import thumbnail
from mmseg_panet.inference.banked_model import write_banked_model
from mmseg_panet.inference.supports.support import Support
from mmseg_panet.inference.supports.support_encoder import encode_supports

NUM_CLASSES = 300
CLASSES = [f'class {i}' for i in range(1, 1 + NUM_CLASSES)]
THRESHOLD = 0.01  # about the median confidence
CONFIG = SMALL.format(repo=REPO, max_iters=2, interval=2) + """
dataset = dict(_delete_=True, type='FolderDataset', data_root='data')
pools = dict(train=dataset, val=dataset)
load = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadWideAnnotations'),
    dict(type='EpisodeLabels')]
pipeline = [*load, dict(type='PackEpisodeInputs')]
episodes = dict(
    pools=pools, folds=[[f'class {i}' for i in range(f, 301, 3)]
                        for f in (1, 2, 3)],
    support_pipeline=pipeline, query_pipeline=pipeline)
train_dataloader['dataset'].update(episodes, novel_pixels='ignore')
val_dataloader['dataset'].update(episodes)
test_dataloader['dataset'].update(episodes, cache_images=True)
"""


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """150 images of four classes each, with masks of 16 bits.

    Each class is in two images. The masks are converted by prepare-data,
    from ids of 16 bits with a border of ignored pixels.
    """
    folder = tmp_path_factory.mktemp('many')
    for name in ('data/images', 'ids'):
        (folder / name).mkdir(parents=True)
    names = ['background', *CLASSES]
    palette = ClassList(names, {}).palette()
    order = np.random.default_rng(0).permutation(NUM_CLASSES) + 1
    for i, four in enumerate([*order.reshape(-1, 4),
                              *np.roll(order, 1).reshape(-1, 4)]):
        ids = np.kron(four.reshape(2, 2), np.ones((16, 16))).astype(np.uint16)
        Image.fromarray(palette[ids]).save(
            folder / f'data/images/{i}.png')
        ids[0] = 65535
        Image.fromarray(ids).save(folder / f'ids/{i}.png')
    lines = [f'{i} {name}' for i, name in enumerate(names)]
    (folder / 'names.txt').write_text('\n'.join(lines))
    done = tool('prepare-data', 'masks', folder / 'ids', folder / 'data',
                '--classes-file', folder / 'names.txt')
    assert '301 classes in' in done.stdout
    (folder / 'many.py').write_text(CONFIG)
    return folder


def test_300_classes_are_checked_trained_and_tested(data, tmp_path):
    flags = ('--data-root', data / 'data')
    done = tool('check-data', data / 'many.py', *flags)
    assert '150 images, 300 of 300 classes, 600 image-class pairs' in (
        done.stdout)
    assert 'no faults' in done.stdout
    tool('train', data / 'many.py', *flags, '--work-dir', tmp_path)
    manifest = tmp_path / 'episodes.jsonl'
    tool('make-episodes', data / 'many.py', manifest, *flags, '--fold', 2)
    header, *episodes = map(json.loads, manifest.read_text().splitlines())
    assert max(header['class_ids']) == 300
    assert 255 in header['class_ids']  # it is a class
    assert len(episodes) == 6
    found = []
    for more in (['--fold', 2], ['--manifest', manifest], [
            '--fold', 2, '--cfg-options',
            'test_dataloader.dataset.cache_images=False']):
        tool('test', data / 'many.py', tmp_path / 'iter_2.pth', *flags, *more,
             '--work-dir', tmp_path, '--out', tmp_path / 'result.json')
        result = json.loads((tmp_path / 'result.json').read_text())
        found.append((result['mIoU'], result['per_class']))
    assert found[0] == found[1] == found[2]
    assert found[0][0] > 0
    assert len(found[0][1]) == 100
    network = (data / 'many.py', tmp_path / 'iter_2.pth')
    tool('fit', *network, '--support', data / 'data', '--out',
         tmp_path / 'bank.safetensors')
    tool('segment', *network, '--bank', tmp_path / 'bank.safetensors',
         '--images', data / 'data/images/0.png', '--out', tmp_path / 'out',
         '--overlay', '--csv', '--coco')
    with Image.open(tmp_path / 'out/masks/0.png') as mask:
        assert mask.mode == 'I;16'
        assert set(np.unique(mask)) <= set(range(301))
    assert (tmp_path / 'out/areas.csv').read_text().count('\n') == 303


def test_masks_of_16_bits_need_their_loader(data):
    config = data / 'narrow.py'
    config.write_text(CONFIG.replace('LoadWideAnnotations', 'LoadAnnotations'))
    done = tool('check-data', config, '--data-root', data / 'data', code=1)
    assert "more than 254 classes by dict(type='LoadWideAnnotations')" in (
        done.stdout)


@pytest.fixture(scope='module')
def inferencer(data):
    """A bank of all classes, fitted to the folder of images and masks."""
    inferencer = small_inferencer(seed=1, min_confidence=THRESHOLD)
    return inferencer.fit(data / 'data')


def test_a_bank_of_300_classes_is_fitted_and_saved(
        inferencer, data, tmp_path):
    # In the order of the ids, as the folder lists them.
    assert inferencer.classes == tuple(CLASSES)
    assert len(np.unique(inferencer.palette()[1:301], axis=0)) == 300
    inferencer.save(tmp_path / 'bank.safetensors')
    loaded = small_inferencer(seed=1).load(tmp_path / 'bank.safetensors')
    assert loaded.classes == tuple(CLASSES)
    with Image.open(data / 'data/images/7.png') as picture:
        one, other = (each.predict([picture])[0].class_map
                      for each in (inferencer, loaded))
    decided = one != 65535
    assert (one[decided] == other[decided]).all()


def test_class_maps_of_300_classes_have_16_bits(inferencer, data, tmp_path):
    images = [data / f'data/images/{i}.png' for i in range(6)]
    result = inferencer(list(map(str, images)), out_dir=tmp_path, csv=True,
                        coco=True, return_probabilities=True, return_vis=True)
    coco = json.loads((tmp_path / 'coco.json').read_text())
    areas = (tmp_path / 'areas.csv').read_text().splitlines()
    for i, labels in enumerate(result['predictions']):
        assert labels.dtype == np.uint16
        best = result['probabilities'][i].argmax(0)
        undecided = result['confidence'][i] < THRESHOLD
        assert (labels == np.where(undecided, 65535, best)).all()
        with Image.open(tmp_path / f'masks/{i}.png') as mask:
            assert mask.mode == 'I;16'
            assert (np.asarray(mask) == labels).all()
        shown = {one['category_id']: one['area'] for one in coco[
            'annotations'] if one['image_id'] == 1 + i}
        ids, pixels = np.unique(labels, return_counts=True)
        assert shown == {
            label: area for label, area in zip(
                ids.tolist(), pixels.tolist(), strict=True)
            if label not in (0, 65535)}
        assert f'{i},undecided,{undecided.sum()}' in areas[301 + 302 * i + 1]
    found = np.unique(result['predictions'])
    assert 65535 in found
    assert ((found > 255) & (found < 65535)).any()
    assert result['class_names'][65535] == 'undecided'
    assert result['class_names'][255] == 'class 255'
    assert len(coco['categories']) == 300
    lines = (tmp_path / 'classes.txt').read_text().splitlines()
    assert lines[255].startswith('255 class 255 ')
    assert lines[-1] == '65535 undecided 128,128,128'
    result.plot(tmp_path / 'plot.png')
    assert 'undecided' in repr(result)
    sample = inferencer(str(images[0]), return_datasamples=True)
    assert (sample.pred_sem_seg.data[0].numpy()
            == result['predictions'][0]).all()


def test_a_head_holds_300_classes(inferencer, data, tmp_path):
    path = str(data / 'data/images/2.png')
    bank = tmp_path / 'bank.safetensors'
    inferencer.save(bank)
    torch.manual_seed(1)
    cfg = small_config()
    cfg.model.decode_head.update(bank=str(bank))
    cfg.test_pipeline = [
        dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    model = init_model(cfg, device='cpu')
    model.load_state_dict(inferencer.model.state_dict(), strict=False)
    assert len(model.dataset_meta['classes']) == 301
    found = inference_model(model, path).pred_sem_seg.data[0].numpy()
    best = inferencer(path, return_probabilities=True)['probabilities']
    assert (found == best.argmax(0)).mean() > 0.99
    assert found.max() > 255
    show_result_pyplot(
        model, path, inference_model(model, path), show=False,
        out_file=str(tmp_path / 'shown.png'))
    assert (tmp_path / 'shown.png').is_file()


def test_mmseg_scores_a_banked_model_of_300_classes(
        inferencer, data, tmp_path):
    """The class 255 counts, and the border of 65535 is ignored."""
    config, _ = write_banked_model(
        inferencer, tmp_path, 'many', str(data / 'data'))
    cfg = Config.fromfile(config)
    assert cfg.model.decode_head.ignore_index == 65535
    assert cfg.model.data_preprocessor.seg_pad_val == 65535
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    metric = METRICS.build(cfg.test_evaluator)
    metric.dataset_meta = dataset.metainfo
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    for sample in samples:
        labels = sample.gt_sem_seg.data
        assert (labels[0, 0] == 65535).all()
        # All is correct but the class 255.
        found = torch.where(labels == 65535, 7, labels)
        found[labels == 255] = 0
        metric.process({}, [dict(
            gt_sem_seg=dict(data=labels), pred_sem_seg=dict(data=found))])
    shown = {int(i) for one in samples for i in one.gt_sem_seg.data.unique()}
    assert {255, 300} < shown
    # 299 of 300 classes are right, and no image shows the background.
    scores = metric.compute_metrics(metric.results)
    assert scores['mAcc'] == pytest.approx(100 * 299 / 300, abs=0.01)


def test_mmseg_packs_masks_of_16_bits(data):
    """Its losses and metrics take them with ignore_index=65535."""
    loaded = LoadWideAnnotations()(dict(
        seg_map_path=str(data / 'data/masks/0.png'), seg_fields=[],
        reduce_zero_label=False, label_map=None))
    image = np.zeros((32, 32, 3), np.uint8)
    packed = PackSegInputs(meta_keys=())(dict(loaded, img=image))
    labels = packed['data_samples'].gt_sem_seg.data
    with Image.open(data / 'data/masks/0.png') as mask:
        assert np.array_equal(labels[0], mask)
    assert (labels[0, 0] == 65535).all()
    logits = torch.zeros(1, 301, 32, 32)
    loss = CrossEntropyLoss()(logits, labels, ignore_index=65535)
    torch.testing.assert_close(loss, torch.tensor(301.).log() * 31 / 32)


def test_small_components_of_300_classes_are_removed(inferencer, data):
    small = small_inferencer(seed=1, min_area=0.05)
    small._network.use(inferencer.bank)
    with Image.open(data / 'data/images/3.png') as picture:
        labels = small.predict([picture])[0].class_map
    assert labels.dtype == np.uint16
    for label in set(np.unique(labels).tolist()) - {0}:
        assert (labels == label).sum() >= 0.05 * labels.size


def test_an_image_shows_254_classes_at_most(inferencer):
    image, _ = image_of((255, 0, 0), size=(32, 32))
    labels = np.arange(32 * 32).reshape(32, 32).astype(np.uint16) % 301
    support = Support(CLASSES[0], tuple(CLASSES), image, lambda _: labels,
                      'a.jpg')
    with pytest.raises(InputError, match='a.jpg: .* 254 classes .* got 300'):
        encode_supports(inferencer.model, inferencer.pipeline, [support], 1)


def test_supports_with_labels_of_16_bits_are_judged(inferencer):
    few = small_inferencer(seed=1)
    bank = inferencer.bank
    for name in CLASSES[2:]:
        bank.remove(name)
    few._network.use(bank)
    advice = few.check_support()
    assert [row.class_name for row in advice.rows] == [
        'class 1', 'class 1', 'class 2', 'class 2']
    assert all(np.isfinite(row.iou) for row in advice.rows)


def test_a_thumbnail_has_the_colour_of_class_300():
    image = np.full((32, 32, 3), 128, np.uint8)
    labels = np.zeros((32, 32), np.uint8)
    labels[:16], labels[24:] = 1, 255
    palette = class_palette(CLASSES)
    picture = thumbnail(image, labels, 300, palette)
    expected = 0.55 * 128 + 0.45 * palette[300]
    assert abs(picture[len(picture) // 4, picture.shape[1] // 2]
               - expected).max() <= 1
    assert {0, 255} <= set(picture[-len(picture) // 4:].ravel().tolist())
