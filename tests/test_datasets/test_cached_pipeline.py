import pytest
from mmcv.transforms import Compose
from mmseg.registry import TRANSFORMS

from mmseg_panet.datasets.cached_pipeline import split_steps

IMAGE = dict(type='LoadImageFromFile')
MASK = dict(type='LoadAnnotations')
WIDE = dict(type='LoadWideAnnotations')
LABELS = dict(type='EpisodeLabels')
RESIZE = dict(type='Resize', scale=(40, 30))
PILLOW = dict(type='Resize', scale=(40, 30), backend='pillow')
PAD = dict(type='Pad', size=(48, 48))
PAD_1 = dict(type='Pad', size=(48, 48), pad_val=dict(img=0, seg=1))
FLIP = dict(type='RandomFlip', prob=0.5)
CROP = dict(type='RandomCrop', crop_size=(32, 32))
RANDOM = dict(type='RandomResize', scale=(40, 30), ratio_range=(1, 2))
PACK = dict(type='PackEpisodeInputs')
VOID = dict(type='EpisodeLabels', void='background')


@pytest.mark.parametrize(('pipeline', 'kept', 'rest'), [
    ([IMAGE, MASK, LABELS, RESIZE, PAD, FLIP, PACK],
     [IMAGE, MASK, RESIZE, PAD], [LABELS, FLIP, PACK]),
    ([IMAGE, RESIZE, MASK, LABELS, PACK],
     [IMAGE, RESIZE, MASK], [LABELS, PACK]),
    ([IMAGE, MASK, LABELS, RANDOM, RESIZE, PACK],
     [IMAGE, MASK], [LABELS, RANDOM, RESIZE, PACK]),
    ([IMAGE, MASK, CROP, LABELS, RESIZE, PACK],
     [IMAGE, MASK], [CROP, LABELS, RESIZE, PACK]),
    # 255 of the padding would become background.
    ([IMAGE, MASK, VOID, RESIZE, PAD, PACK],
     [IMAGE, MASK, RESIZE], [VOID, PAD, PACK]),
    # 1 of the padding would be mapped like class 1.
    ([IMAGE, MASK, LABELS, PAD_1, PACK], [IMAGE, MASK],
     [LABELS, PAD_1, PACK]),
    # Pillow supports only masks of 8 bits, and FSS-1000 has larger ids.
    ([IMAGE, MASK, LABELS, PILLOW, PACK], [IMAGE, MASK],
     [LABELS, PILLOW, PACK]),
    # 255 of the padding is a class in a mask of 16 bits.
    ([IMAGE, WIDE, LABELS, RESIZE, PAD, PACK],
     [IMAGE, WIDE, RESIZE], [LABELS, PAD, PACK]),
    ([IMAGE, MASK], [IMAGE, MASK], []),
    ([MASK, IMAGE, PACK], [], [MASK, IMAGE, PACK]),
    ([dict(IMAGE, ignore_empty=True), MASK], [],
     [dict(IMAGE, ignore_empty=True), MASK]),
])
def test_the_steps_before_the_first_random_one_are_cached(
        pipeline, kept, rest):
    steps = Compose([TRANSFORMS.build(step) for step in pipeline]).transforms
    names = [id(step) for step in steps]
    expected = [
        [names[pipeline.index(step)] for step in part]
        for part in (kept, rest)]
    assert [[id(step) for step in part]
            for part in split_steps(steps)] == expected


def test_a_subclass_of_a_stock_step_is_not_cached():
    class Shaken(type(TRANSFORMS.build(RESIZE))):
        pass

    steps = [TRANSFORMS.build(IMAGE), Shaken(scale=(40, 30))]
    assert split_steps(steps) == (steps[:1], steps[1:])
