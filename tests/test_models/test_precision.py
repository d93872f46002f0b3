import pytest
import torch
from flat_episodes import random_episodes

from mmseg_panet.errors import InputError
from mmseg_panet.models import PANetHead
from mmseg_panet.models.precision import check_finite


def test_finite_features_of_any_size_pass():
    features = torch.tensor([torch.finfo(torch.float32).max, 0., -1.])
    assert check_finite(features) is features


@pytest.mark.parametrize('levels', [
    dict(in_channels=8), dict(in_channels=[8], in_index=[0])])
@pytest.mark.parametrize('value', [torch.inf, -torch.inf, torch.nan])
def test_an_overflow_of_the_backbone_is_no_background(value, levels):
    features, samples = random_episodes(1, 1, 1, 1)
    features[1, 3, 2, 2] = value
    head = PANetHead(**levels).eval()
    with pytest.raises(InputError, match='finite features, got inf or nan'):
        head.predict_episodes([features], samples)
    with pytest.raises(InputError, match='bfloat16 or float32'):
        head.fit([features[1:]], samples[:1])
    head.fit([features[:1]], samples[:1])
    with pytest.raises(InputError, match='finite features'):
        head([features[1:]])


def test_training_leaves_the_overflow_to_the_check_of_the_loss():
    features, samples = random_episodes(1, 1, 1, 1)
    features[1, 3, 2, 2] = torch.inf
    losses = PANetHead(8).train().loss([features], samples)
    assert not losses['loss_seg'].isfinite()
