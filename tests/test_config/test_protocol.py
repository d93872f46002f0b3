"""The rules of protocols on images whose correct scores are known.

The backbone of these tests is the identity, so that features are colours. A
pixel is assigned to the way, or the background, whose prototype (a mean
colour) has the largest cosine with it. Cats are red on blue, so that red
pixels are predicted as cat.
"""
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from loop_runs import make_loop
from mmengine.config import Config
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from PIL import Image

from mmseg_panet.apis import apply_protocol
from mmseg_panet.config.config_file import read_config
from mmseg_panet.datasets import EpisodicDataset
from mmseg_panet.errors import InputError

PROTOCOLS = Path(__file__).parents[2] / 'configs/_base_/protocols'
COLOURS = dict(
    r=(255, 0, 0), g=(0, 255, 0), b=(0, 0, 255), p=(254, 0, 127),
    y=(255, 255, 0))
IDS = {'0': 0, 'c': 1, 'd': 2, 'v': 255}


@MODELS.register_module()
class ColourBackbone(BaseModule):
    def forward(self, x):
        return (x,)


def write(folder, name, columns, labels, height=4, width=1):
    """Write an image of upright stripes, with one letter for each."""
    for part in ('images', 'masks'):
        (folder / part).mkdir(parents=True, exist_ok=True)
    image = np.array([COLOURS[c] for c in columns], np.uint8)
    mask = np.array([IDS[c] for c in labels], np.uint8)
    for part, row in (('images', image), ('masks', mask)):
        picture = np.repeat(np.repeat(row[None], height, 0), width, 1)
        Image.fromarray(picture).save(folder / part / f'{name}.png')


def pipelines(*resize):
    support = [
        dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        dict(type='EpisodeLabels'), *resize, dict(type='PackEpisodeInputs')]
    query = [
        dict(type='LoadImageFromFile'), *resize,
        dict(type='LoadAnnotations'), dict(type='EpisodeLabels'),
        dict(type='PackEpisodeInputs')]
    return dict(support_pipeline=support, query_pipeline=query)


def config(pools, resize=(), **episodes):
    """Make a config that tests on the images of folders."""
    dataset = dict(
        pools={
            name: dict(
                type='BaseSegDataset', data_root=str(folder),
                data_prefix=dict(img_path='images', seg_map_path='masks'),
                img_suffix='.png', seg_map_suffix='.png',
                reduce_zero_label=False,
                metainfo=dict(classes=('background', 'cat', 'dog')))
            for name, folder in pools.items()},
        pool='val', classes=['cat'], num_episodes=12,
        **pipelines(*resize)) | episodes
    return Config(dict(
        model=dict(
            type='FewShotSegmentor', test_cfg=dict(mode='whole'),
            data_preprocessor=dict(
                type='SegDataPreProcessor', mean=[0.] * 3, std=[1.] * 3,
                bgr_to_rgb=True, pad_val=0, seg_pad_val=255),
            backbone=dict(type='ColourBackbone'),
            decode_head=dict(type='PANetHead', in_channels=3)),
        test_dataloader=dict(dataset=dataset),
        test_evaluator=dict(type='FewShotIoUMetric')))


def score(cfg):
    """Return mIoU and FB-IoU, which are equal by images and by episodes."""
    results = [
        make_loop(cfg, reuse_features=reuse).run() for reuse in (True, False)]
    one, other = ((result['mIoU'], result['FB-IoU']) for result in results)
    assert one == other
    return one


@pytest.fixture
def cats(tmp_path):
    """Write three images that are segmented correctly: cat r, background b."""
    for i in range(3):
        write(tmp_path / 'cats', str(i), 'rrbb', 'cc00')
    return tmp_path / 'cats'


def test_the_pool_decides_which_images_are_queried(tmp_path, cats):
    for i in range(3):  # Half of the red pixels are not cat.
        write(tmp_path / 'val', str(i), 'rrbb', 'c000')
    cfg = config(dict(train=cats, val=tmp_path / 'val'))
    # Of 4 stripes: cat 1 of 2, background 2 of 3.
    assert score(cfg) == pytest.approx((50, 100 * (1 / 2 + 2 / 3) / 2))
    cfg.test_dataloader.dataset.pool = 'train'
    assert score(cfg) == (100, 100)


def test_void_in_a_support_is_ignored_or_background(tmp_path):
    """Purple p = (2, 0, 1) is nearer to red (2 : 1) than to blue.

    With void as background, the prototype of the background is
    b + 2r = (2, 0, 1), which is purple.
    """
    for i in range(3):
        write(tmp_path / 'val', str(i), 'rbrrp', 'c0vvc')
    cfg = config(dict(val=tmp_path / 'val'))
    # cat = (r + p) / 2 = (4, 0, 1) / 4, background b: all is correct.
    assert score(cfg) == (100, 100)
    step = dict(type='EpisodeLabels', void='background')
    cfg.test_dataloader.dataset.support_pipeline[2] = step
    # Background (2, 0, 1) / 3 = p: purple and blue are now background.
    # cat: r of r, p. background: b of b, p; void counts nowhere.
    assert score(cfg) == (50, 50)


def test_an_object_below_the_minimum_area_is_not_a_support(tmp_path):
    """The small cat is green, so that its cosine with red is 0.

    A pixel whose cosine is 0 with both cat and background (blue) is predicted
    as background.
    """
    for i in range(2):
        write(tmp_path / 'val', f'large{i}', 'rrbb', 'cc00')
    write(tmp_path / 'val', 'small', 'gbbb', 'c000')
    cfg = config(dict(val=tmp_path / 'val'), min_area=8, num_episodes=30)
    assert score(cfg) == (100, 100)
    dataset = cfg.test_dataloader.dataset
    dataset.min_area = 1
    data = EpisodicDataset(**dataset)
    sampled = Counter(
        tuple(data.images.image_ids[image][:5]
              for image in (e.supports[0][0], e.queries[0]))
        for e in data.episodes)
    right = 8 * sampled['large', 'large']
    lost = 8 * sampled['small', 'large'] + 4 * sampled['large', 'small']
    assert right and lost
    assert score(cfg)[0] == pytest.approx(100 * right / (right + lost))


def test_an_object_that_a_resize_removes_is_kept_as_a_few_pixels(tmp_path):
    """One of 32 stripes is cat; a nearest resize to 4 pixels misses it."""
    for i in range(2):
        write(tmp_path / 'val', str(i), 'b' * 3 + 'r' + 'b' * 28,
              '000c' + '0' * 28)
    cfg = config(
        dict(val=tmp_path / 'val'), num_episodes=1,
        resize=[dict(type='Resize', scale=(4, 4), keep_ratio=False)])
    support, _ = EpisodicDataset(**cfg.test_dataloader.dataset)[0]
    labels = support['data_samples'].gt_sem_seg.data[0]
    assert labels.shape == (4, 4)
    assert labels[0].tolist() == [1, 0, 0, 0]


def test_false_positives_of_an_absent_way_count_or_not(tmp_path):
    """A query shows one of two ways, and is partly predicted as the other."""
    for i in range(3):
        write(tmp_path / 'val', f'cat{i}', 'rrgb', 'cc00')
        write(tmp_path / 'val', f'dog{i}', 'ggbb', 'dd00')
    cfg = config(
        dict(val=tmp_path / 'val'), classes=['cat', 'dog'],
        num_ways=2, num_episodes=40)
    # Prototypes: r, g, and background of (g + b) / 2 and b: (g + 3b) / 4.
    # A cat query is predicted as cc d 0, a dog query as dd 00.
    data = EpisodicDataset(**cfg.test_dataloader.dataset)
    asked = Counter(
        e.class_ids[e.query_ways[0] - 1] for e in data.episodes)
    cat, dog = asked[1], asked[2]
    assert cat > 5 and dog > 5
    # Stripes: dog is 2 of 2 in a dog query, 0 of 1 in a cat query.
    iou = 100 * np.array([1, 2 * dog / (2 * dog + cat)])
    # Foreground: 2 of 3 in a cat query. Background: 1 of 2.
    both = 100 * np.array([
        (2 * cat + 2 * dog) / (3 * cat + 2 * dog),
        (cat + 2 * dog) / (2 * cat + 2 * dog)])
    assert score(cfg) == pytest.approx((iou.mean(), both.mean()))
    cfg.test_evaluator.count_absent = False
    # Foreground and background are in every ground truth.
    assert score(cfg) == pytest.approx((100, both.mean()))


def test_supports_may_repeat(tmp_path):
    """One of three cats is red, one green, one both; two are supports.

    A colour that no support shows has the cosine 0 with cat and background,
    and is predicted as background.
    """
    cats = dict(red='rrrr', green='gggg', both='rrgg')
    for name, columns in cats.items():
        write(tmp_path / 'val', name, columns + 'bb', 'cccc00')
    cfg = config(dict(val=tmp_path / 'val'), num_shots=2, num_episodes=60)
    dataset = cfg.test_dataloader.dataset
    for repeat in (False, True):
        dataset.repeat_supports = repeat
        data = EpisodicDataset(**dataset)
        right = 0
        for episode in data.episodes:
            shown, (asked,) = (
                [cats[data.images.image_ids[i][:-4]] for i in images]
                for images in (episode.supports[0], episode.queries))
            right += len([c for c in asked if c in ''.join(shown)])
        # Distinct supports always show both colours.
        assert (right == 4 * 60) == (not repeat)
        assert score(cfg)[0] == pytest.approx(100 * right / (4 * 60))


def test_shots_are_fused_by_prototypes_logits_or_votes(tmp_path):
    """Three shots: the cat is r, r and g; the query asks for r, g and y.

    Mean of prototypes: (2r + g) / 3, at positive cosine from r, g and y.
    Votes: r has 2, y has 3, g has 1 of at most 3: below one half.
    """
    for name, columns in (('0', 'rb'), ('1', 'rb'), ('2', 'gb')):
        write(tmp_path / 'shots', name, columns * 3, 'c0' * 3)
    write(tmp_path / 'shots', '3', 'rgybbb', 'ccc000')
    manifest = tmp_path / 'one.jsonl'
    cfg = config(dict(val=tmp_path / 'shots'), num_shots=3)
    dataset = cfg.test_dataloader.dataset
    dataset.num_episodes = 1
    for seed in range(1000):  # Find an episode whose query is image 3.
        dataset.episodes_seed = seed
        data = EpisodicDataset(**dataset)
        if data.images.image_ids[data.episode(0).queries[0]] == '3.png':
            break
    manifest.write_text(''.join(data.manifest_lines()))
    cfg.test_dataloader.dataset.manifest = str(manifest)
    assert score(cfg) == (100, 100)
    cfg.model.test_cfg.shot_fusion = 'vote'
    # g is background: cat 2 of 3, background 3 of 4.
    lost = pytest.approx((100 * 2 / 3, 100 * (2 / 3 + 3 / 4) / 2))
    assert score(cfg) == lost
    cfg.model.test_cfg.vote_threshold = 0.3
    assert score(cfg) == (100, 100)
    # Mean of logits, cat against background b: r (1 + 1 + 0) / 3 to 0,
    # g 1 / 3 to 0, y 3 / (3 sqrt 2) to 0.
    cfg.model.test_cfg.shot_fusion = 'mean_logits'
    assert score(cfg) == (100, 100)


@pytest.mark.parametrize(('novel_pixels', 'labels'), [
    ('background', {'1': [1, 0, 0, 0], '2': [1, 1, 0, 0], '3': [1, 0, 0, 0]}),
    ('ignore', {'1': [1, 255, 0, 0], '2': [1, 1, 0, 0], '3': [1, 0, 0, 0]}),
    ('drop', {'2': [1, 1, 0, 0], '3': [1, 0, 0, 0]}),
])
def test_novel_pixels_of_base_training(tmp_path, novel_pixels, labels):
    write(tmp_path / 'train', '1', 'rgbb', 'cd00')
    write(tmp_path / 'train', '2', 'rrbb', 'cc00')
    write(tmp_path / 'train', '3', 'rbbb', 'c000')
    dataset = dict(config(
        dict(val=tmp_path / 'train')).test_dataloader.dataset)
    dataset |= dict(
        classes=None, folds=[['cat'], ['dog']], fold=1, split='base',
        novel_pixels=novel_pixels)
    found = {}
    for episode in EpisodicDataset(**dataset):
        for item in episode:
            sample = item['data_samples']
            found[Path(sample.img_path).stem] = (
                sample.gt_sem_seg.data[0, 0].tolist())
    assert found == labels


def test_ground_truth_is_compared_at_its_own_size_squashed_or_padded(tmp_path):
    """A: half of 64 x 128 is red, a quarter is cat. B: 32 x 32, correct.

    At the original sizes, A has 8 times the weight of B; resized, the same.
    """
    for i in range(2):
        write(tmp_path / 'val', f'A{i}', 'rrbb', 'c000', 64, 32)
        write(tmp_path / 'val', f'B{i}', 'rrbb', 'cc00', 32, 8)
    cfg = config(
        dict(val=tmp_path / 'val'), num_episodes=20,
        resize=[dict(type='Resize', scale=(128, 128), keep_ratio=False)])
    dataset = cfg.test_dataloader.dataset
    data = EpisodicDataset(**dataset)
    asked = Counter(
        data.images.image_ids[e.queries[0]][0] for e in data.episodes)
    a, b = asked['A'], asked['B']
    own = 100 * (2048 * a + 512 * b) / (4096 * a + 512 * b)
    squashed = 100 * (a / 4 + b / 2) / (a / 2 + b / 2)
    assert abs(own - squashed) > 10
    assert score(cfg)[0] == pytest.approx(own)
    resize = dict(type='Resize', scale=(128, 128), keep_ratio=True)
    dataset.update(pipelines(
        resize, dict(type='Pad', size=(128, 128), pad_val=dict(
            img=(0, 0, 255), seg=255))))  # The padding is red.
    dataset.query_pipeline.insert(5, dict(type='PadLabelsToSquare'))
    assert score(cfg)[0] == pytest.approx(own)
    dataset.update(pipelines(
        dict(type='Resize', scale=(128, 128), keep_ratio=False)))
    dataset.query_pipeline = dataset.support_pipeline
    assert score(cfg)[0] == pytest.approx(squashed)


@pytest.mark.parametrize('name', ['modern', 'panet', 'pfenet', 'hsnet', 'mlc'])
def test_each_protocol_gives_its_own_score(tmp_path, name):
    """One data set has five scores, by how often each query is sampled.

    A (128 x 128): half is red, a quarter is cat. B (32 x 32): correct, but
    512 pixels of cat are too few for pfenet and mlc. C (128 x 128): correct,
    with 1,024 pixels of cat. These two protocols use it as a query, as it
    also shows a dog of 4,096 pixels, but not as a support. The images of the
    training pool are correct.
    """
    for i in range(4):
        write(tmp_path / 'train', f'T{i}', 'rrbb', 'cc00', 64, 16)
        write(tmp_path / 'train', f'D{i}', 'ggbb', 'dd00', 64, 16)
        write(tmp_path / 'val', f'A{i}', 'rrbb', 'c000', 128, 32)
        write(tmp_path / 'val', f'B{i}', 'rrbb', 'cc00', 32, 8)
        write(tmp_path / 'val', f'C{i}', 'ggggrbbbbbbbbbbb',
              'ddddc00000000000', 128, 8)
    cfg = config(
        dict(train=tmp_path / 'train', val=tmp_path / 'val'),
        resize=[dict(type='Resize', scale=(128, 128), keep_ratio=False)],
        classes=['cat', 'dog'])
    apply_protocol(cfg, name)
    dataset = cfg.test_dataloader.dataset
    dataset.num_runs, dataset.num_episodes = 1, 60
    data = EpisodicDataset(**dataset)
    asked = Counter(
        data.images.image_ids[e.queries[0]][0] for e in data.episodes
        if e.class_ids == (1,))
    shown = {
        data.images.image_ids[i][0] for e in data.episodes
        if e.class_ids == (1,) for i in e.supports[0]}
    a, b, c = (asked[letter] for letter in 'ABC')
    # Dogs are always segmented correctly, as only dogs are green.
    cat = {
        'modern': (4096 * a + 512 * b + 1024 * c)
        / max(1, 8192 * a + 512 * b + 1024 * c),
        'panet': 1.0,
        'hsnet': (a / 4 + b / 2 + c / 16) / max(1, a / 2 + b / 2 + c / 16),
    }
    cat['pfenet'] = cat['mlc'] = cat['modern']
    assert set(asked) == dict(
        modern=set('ABC'), hsnet=set('ABC'), panet=set('T'),
        pfenet=set('AC'), mlc=set('AC'))[name]
    assert shown <= dict(
        modern=set('ABC'), hsnet=set('ABC'), panet=set('T'),
        pfenet=set('A'), mlc=set('A'))[name]
    # Resizing moves an edge by a pixel at most.
    assert score(cfg)[0] == pytest.approx(
        100 * (cat[name] + 1) / 2, abs=0 if name == 'panet' else 1)


def test_every_protocol_determines_the_same_settings():
    files = sorted(PROTOCOLS.glob('*.py'))
    assert [file.stem for file in files] == [
        'hsnet', 'mlc', 'modern', 'panet', 'pfenet']
    protocols = [Config.fromfile(file).protocol for file in files]
    for file, protocol in zip(files, protocols, strict=True):
        assert protocol.test.protocol == file.stem
        assert set(protocol) == {'train', 'test', 'evaluator', 'test_cfg'}
        assert set(protocol.train) == {'novel_pixels', 'min_area', 'sampling'}
        assert set(protocol.test) - {
            'support_pipeline', 'query_pipeline'} == {
                'protocol', 'pool', 'sampling', 'repeat_supports', 'min_area',
                'num_runs', 'num_episodes', 'episodes_seed'}


def test_a_missing_protocol_is_named(tmp_path):
    with pytest.raises(InputError, match=r"'hsnet', 'mlc'.*got 'pascal'"):
        apply_protocol(config({}), 'pascal')


def test_pipelines_of_another_protocol_are_refused(tmp_path):
    cfg = config(dict(val=tmp_path))
    apply_protocol(cfg, 'panet')
    apply_protocol(cfg, 'hsnet')
    with pytest.raises(
            InputError, match="'modern' keeps the pipelines of the data set, "
            "but .* has those of protocol 'hsnet'; start from"):
        apply_protocol(cfg, 'modern')


def test_a_protocol_keeps_how_the_data_set_loads_its_masks(tmp_path):
    cfg = config(dict(val=tmp_path))
    dataset = cfg.test_dataloader.dataset
    own = dict(type='LoadAnnotations', reduce_zero_label=True)
    dataset.support_pipeline[1] = dataset.query_pipeline[1] = own
    apply_protocol(cfg, 'pfenet')
    dataset = cfg.test_dataloader.dataset
    assert dataset.support_pipeline[1] == own
    assert dataset.query_pipeline[3] == own
    assert dataset.query_pipeline[0] == dict(type='LoadImageFromFile')
    assert [step['type'] for step in dataset.query_pipeline[1:3]] == [
        'Resize', 'Pad']


@pytest.mark.parametrize(('text', 'sentence'), [
    ('protocol = dict(test=dict())', 'expected protocol = dict.*evaluator'),
    ('protocol = (', 'could not be read as a config'),
    ('other = 1', 'expected protocol = dict.*got None')])
def test_a_file_that_is_not_a_protocol_is_refused_in_one_sentence(
        tmp_path, text, sentence):
    (tmp_path / 'mine.py').write_text(text)
    with pytest.raises(InputError, match=sentence):
        apply_protocol(config(dict(val=tmp_path)), str(tmp_path / 'mine.py'))


def test_a_pipeline_with_annotations_of_a_user_is_not_replaced(tmp_path):
    cfg = config(dict(val=tmp_path))
    cfg.test_dataloader.dataset.support_pipeline.insert(
        2, dict(type='LoadScribbles', scribble_dir='scribbles'))
    apply_protocol(cfg, 'mlc')
    with pytest.raises(
            InputError, match="the support_pipeline of protocol 'hsnet' would "
            'replace that of .* and its LoadScribbles; write'):
        apply_protocol(cfg, 'hsnet')


def test_the_pool_trained_on_must_be_known(tmp_path):
    cfg = config(dict(val=tmp_path))
    cfg.test_dataloader.dataset.dataset = dict(type='ToyDataset')
    with pytest.raises(InputError, match='tests on the training images: '):
        apply_protocol(cfg, 'panet')


def test_the_rules_of_the_training_reach_data_sets_in_a_wrapper():
    cfg = read_config('panet_r18-d8_1xb4-800iters_toy3i-128x128')
    given = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[
        given, dict(type='RepeatDataset', times=2, dataset=given)])
    apply_protocol(cfg, 'hsnet')
    joined = cfg.train_dataloader.dataset
    assert set(joined) == {'type', 'datasets'}
    assert [one.sampling for one in (
        joined.datasets[0], joined.datasets[1].dataset)] == ['pair_first'] * 2
