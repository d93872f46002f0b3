import pytest
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS

from mmseg_panet.errors import InputError
from mmseg_panet.runs.model_check import check_batches, check_segmentor

PARTS = dict(
    backbone=dict(type='DilatedResNet', depth=18, base_channels=8,
                  stem_channels=8),
    decode_head=dict(type='PANetHead', in_channels=32))


def model_of(kind='FewShotSegmentor', **preprocessor):
    return MODELS.build(dict(PARTS, type=kind, data_preprocessor=dict(
        type='SegDataPreProcessor', **preprocessor)))


def test_a_segmentor_that_predicts_image_by_image_is_refused():
    with pytest.raises(InputError, match=(
            'as decode_head is a PANetHead, got EncoderDecoder; set '
            "type='FewShotSegmentor' in model$")):
        check_segmentor(model_of('EncoderDecoder'))
    check_segmentor(model_of())


def test_a_segmentor_with_a_prediction_of_its_own_is_accepted():
    class Other(EncoderDecoder):
        def predict(self, inputs, data_samples=None):
            return []

    check_segmentor(MODELS.build(dict(PARTS, type=Other)))


@pytest.mark.parametrize('sizes', [
    {}, dict(size=(64, 64), size_divisor=32)], ids=['neither', 'both'])
def test_training_needs_a_size_or_a_divisor(sizes):
    with pytest.raises(InputError, match=(
            'either size or size_divisor in model.data_preprocessor, got '
            f"size={sizes.get('size')}".replace('(', r'\(').replace(
                ')', r'\)'))):
        check_batches(model_of(**sizes))


def test_one_of_both_is_accepted():
    check_batches(model_of(size=(64, 64)))
    check_batches(model_of(size_divisor=32))
