import pytest
from mmseg.datasets import PascalVOCDataset

from mmseg_panet.datasets import split_classes
from mmseg_panet.datasets.class_names import common_name, known_names

VOC = PascalVOCDataset.METAINFO['classes'][1:]


def test_every_class_of_voc_is_a_class_of_coco():
    coco = split_classes('coco-20i', 0, 'all')
    assert known_names(VOC, coco) == list(VOC)
    assert len(known_names(coco, VOC)) == 20


# Boudiaf et al. (CVPR 2021) test a model of a fold of COCO-20i on the classes
# of PASCAL VOC that are novel in the fold.
@pytest.mark.parametrize(('fold', 'novel'), [
    (0, 'aeroplane boat chair diningtable dog person'),
    (1, 'bicycle bus horse sofa'),
    (2, 'bird car pottedplant sheep train tvmonitor'),
    (3, 'bottle cat cow motorbike')])
def test_the_unseen_classes_of_voc_are_those_of_the_published_protocol(
        fold, novel):
    base = split_classes('coco-20i', fold, 'base')
    seen = known_names(VOC, base)
    assert sorted(set(VOC) - set(seen)) == novel.split()


@pytest.mark.parametrize(('one', 'other'), [
    ('dining table', 'diningtable'), ('Potted-Plant', 'potted_plant'),
    ('tv', 'tvmonitor'), ('couch', 'sofa')])
def test_two_spellings_of_a_class_are_one(one, other):
    assert common_name(one) == common_name(other)


def test_other_names_are_different():
    assert known_names(['cat', 'car', 'tv'], ['cart', 'monitor']) == []
