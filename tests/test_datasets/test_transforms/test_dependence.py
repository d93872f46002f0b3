import pytest
from mmcv.transforms import Resize as PlainResize
from mmseg.datasets.transforms import RandomFlip, Resize
from mmseg.registry import TRANSFORMS

from mmseg_panet.datasets.transforms import EpisodeLabels
from mmseg_panet.datasets.transforms.dependence import dependence


@pytest.mark.parametrize(('step', 'expected'), [
    (dict(type='LoadImageFromFile'), 'image'),
    (dict(type='LoadAnnotations'), 'image'),
    (dict(type='LoadFSSAnnotations'), 'image'),
    (dict(type='Resize', scale=(4, 4)), 'image'),
    (dict(type='Pad', size=(4, 4)), 'image'),
    (dict(type='PadLabelsToSquare'), 'image'),
    (dict(type='EpisodeLabels'), 'episode'),
    (dict(type='PackEpisodeInputs'), 'episode'),
    (dict(type='BoxAnnotation'), 'class'),
    (dict(type='ScribbleAnnotation'), 'class'),
    (dict(type='PointAnnotation'), 'class'),
    (dict(type='LoadScribbles', scribble_dir='scribbles'), 'class'),
    (dict(type='RandomFlip', prob=0.5), 'chance'),
    (dict(type='PhotoMetricDistortion'), 'chance'),
])
def test_the_dependence_of_a_step_is_known(step, expected):
    assert dependence(TRANSFORMS.build(step)) == expected


def test_both_resizes_of_openmmlab_depend_only_on_the_image():
    assert dependence(PlainResize(scale=(4, 4))) == 'image'


def test_a_subclass_of_a_stock_step_counts_as_random():
    class Shaken(Resize):
        pass

    class Steady(RandomFlip):
        depends_on = 'image'

    assert dependence(Shaken(scale=(4, 4))) == 'chance'
    assert dependence(Steady(prob=0.)) == 'image'


def test_a_subclass_of_our_step_inherits_the_attribute():
    class Same(EpisodeLabels):
        pass

    class Random(EpisodeLabels):
        depends_on = 'chance'

    assert dependence(Same()) == 'episode'
    assert dependence(Random()) == 'chance'


def test_a_plain_function_counts_as_random():
    assert dependence(lambda results: results) == 'chance'
