import pytest
import torch
from flat_episodes import random_episodes
from inference_parts import image_of, red_and_blue, small_inferencer
from mmseg.structures import SegDataSample

from mmseg_panet.errors import InputError
from mmseg_panet.models.device_checks import checked_at_end, is_checked_later
from mmseg_panet.models.episode_layout import check_episode
from mmseg_panet.models.precision import check_finite
from mmseg_panet.models.support_ways import support_ways


@pytest.fixture(params=['cuda', 'mps'])
def device(request, monkeypatch):
    """Pretend that tensors are on a device; only CUDA has assertions."""

    def asserts(holds, sentence):
        if request.param != 'cuda':
            raise NotImplementedError('aten::_assert_async.msg')
        if not holds:
            raise RuntimeError(f'device-side assert: {sentence}')

    for name in ('is_cpu', 'is_cuda'):
        shown = name == f'is_{request.param}'
        monkeypatch.setattr(
            torch.Tensor, name, property(lambda _, shown=shown: shown))
    monkeypatch.setattr(torch, '_assert_async', asserts)
    return request.param


def test_a_value_on_the_cpu_is_left_to_the_caller():
    assert not is_checked_later(torch.tensor(False), 'a')
    with checked_at_end():
        assert not is_checked_later(torch.tensor(False), 'a')


def test_conditions_are_checked_at_the_end_of_a_block(device):
    holds, fails = torch.tensor(True), torch.tensor(False)
    with checked_at_end():
        assert is_checked_later(holds, 'a')
    steps = []
    with pytest.raises(InputError, match='^b$'), checked_at_end():
        for one, sentence in ((holds, 'a'), (fails, 'b'), (fails, 'c')):
            assert is_checked_later(one, sentence)
        steps.append('after')
    assert steps == ['after']
    # A block that fails leaves nothing to the next one.
    with pytest.raises(KeyError), checked_at_end():
        is_checked_later(fails, 'a')
        raise KeyError
    with checked_at_end():
        pass


def test_outside_a_block_cuda_asserts_and_other_devices_wait(device):
    assert is_checked_later(torch.tensor(True), 'a') == (device == 'cuda')
    error = RuntimeError if device == 'cuda' else InputError
    features = torch.tensor([torch.inf])
    with pytest.raises(error, match='finite features, got inf or nan'):
        check_finite(features)
    with pytest.raises(InputError, match='finite features'), checked_at_end():
        check_finite(features)


def test_masks_are_checked_on_every_device(device):
    error = RuntimeError if device == 'cuda' else InputError
    _, samples = random_episodes(1, 1, 1, 1)
    empty = torch.zeros(1, 8, 8, dtype=torch.int64)
    with pytest.raises(error, match='has an empty mask'):
        support_ways(empty, samples[:1])
    assert support_ways(empty + 1, samples[:1]) == [1]
    images, masks = torch.zeros(1, 1, 3, 8, 8), torch.ones(1, 1, 8, 8)
    check_episode(images, masks, images[0])
    with pytest.raises(error, match='expected support_masks of 1'):
        check_episode(images, 2 * masks, images[0])


def test_an_overflow_on_a_device_is_an_error_of_the_input(device):
    inferencer = small_inferencer()
    image, _ = image_of((20, 20, 230))
    inferencer.fit(red_and_blue())
    inferencer.predict([image])
    model = inferencer.model
    batch = dict(
        inputs=[torch.from_numpy(image.copy()).permute(2, 0, 1)],
        data_samples=[SegDataSample(metainfo=dict(
            img_shape=(60, 80), ori_shape=(60, 80)))])
    steps = (
        lambda: inferencer.predict([image]),
        lambda: inferencer.fit(red_and_blue()),
        lambda: model.test_step(batch), lambda: model.val_step(batch))
    for step in steps:
        step()
    with torch.no_grad():
        next(model.backbone.parameters()).fill_(torch.inf)
    for step in steps:
        with pytest.raises(InputError, match='finite features, got inf or '):
            step()
