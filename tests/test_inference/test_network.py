import numpy as np
import pytest
import torch
from inference_parts import RESIZE, image_of, red_and_blue, small_inferencer
from mmengine.dataset import pseudo_collate
from mmseg.models.segmentors import EncoderDecoder

from mmseg_panet.inference.images.image_pipeline import (
    build_pipeline,
    rescaled,
)


def mmseg_logits(inferencer, image, steps=(RESIZE,)):
    """Predict as mmseg does."""
    data = build_pipeline(list(steps))(dict(img=image))
    with torch.no_grad():
        return inferencer.model.test_step(
            pseudo_collate([data]))[0].seg_logits.data


def logits_of(inferencer, images):
    """Return the logits of the only view of each image."""
    return [view.rows() for view, in inferencer._network.views(images)]


def fitted(*steps, **settings):
    return small_inferencer(*steps, **settings).fit(red_and_blue())


@pytest.mark.parametrize('padding', [None, dict(size_divisor=32)])
def test_logits_are_those_that_mmseg_predicts(padding):
    model = dict(data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[100, 110, 120], std=[50, 60, 70],
        bgr_to_rgb=True, test_cfg=padding))
    inferencer = fitted(RESIZE, model=model)
    image, _ = image_of((20, 20, 230), size=(90, 51))
    logits, = logits_of(inferencer, [image])
    assert logits.shape == (3, 90, 51)
    torch.testing.assert_close(
        logits, mmseg_logits(inferencer, image), rtol=0, atol=1e-4)


def test_images_of_any_sizes_come_back_in_order():
    inferencer = fitted()
    images = [image_of((20, 20, 230), size, (4, 4, 20, 20), seed)[0]
              for seed, size in enumerate(
                  [(60, 80), (50, 50), (60, 80), (33, 47)])]
    together = logits_of(inferencer, images)
    for image, logits in zip(images, together, strict=True):
        alone, = logits_of(inferencer, [image])
        assert logits.shape[1:] == image.shape[:2]
        torch.testing.assert_close(logits, alone)


def test_views_are_averaged_and_flipped_back():
    """mmseg predicts two sizes and their mirror images, each alone."""
    inferencer = fitted(RESIZE, tta=dict(ratios=(1.0, 1.5)))
    image, _ = image_of((20, 20, 230))
    mirrored = np.ascontiguousarray(image[:, ::-1])
    probabilities = []
    for ratio in (1.0, 1.5):
        steps = rescaled([RESIZE], ratio)
        probabilities += [
            mmseg_logits(inferencer, image, steps).softmax(0),
            mmseg_logits(inferencer, mirrored, steps).softmax(0).flip(2)]
    prediction, = inferencer.predict([image], keep_probabilities=True)
    torch.testing.assert_close(
        torch.from_numpy(prediction.probabilities),
        torch.stack(probabilities).mean(0), rtol=0, atol=1e-5)


def test_windows_slide_over_the_image_at_its_own_size():
    """mmseg slides alike, but pads its windows to the complete image."""
    inferencer = fitted(
        RESIZE, slide=dict(crop_size=(32, 48), stride=(20, 30)))
    image, _ = image_of((20, 20, 230), size=(70, 100))
    logits, = logits_of(inferencer, [image])
    model = inferencer.model
    batch = model.data_preprocessor(pseudo_collate(
        [build_pipeline([])(dict(img=image))]))
    with torch.no_grad():
        expected = EncoderDecoder.slide_inference(
            model, batch['inputs'],
            [sample.metainfo for sample in batch['data_samples']])[0]
    assert torch.equal(logits, expected)


def test_windows_slide_in_any_segmentor_of_mmseg():
    slide = dict(crop_size=(32, 48), stride=(20, 30))
    image, _ = image_of((20, 20, 230), size=(70, 100))
    ours, expected = (
        logits_of(fitted(slide=slide, model=dict(type=kind)), [image])[0]
        for kind in ('FewShotSegmentor', 'EncoderDecoder'))
    torch.testing.assert_close(ours, expected)


def test_a_window_has_the_networks_size_and_two_thirds_of_a_stride():
    inferencer = small_inferencer(RESIZE, slide=True)
    assert inferencer.model.test_cfg == dict(
        mode='slide', crop_size=(65, 65), stride=(43, 43))
    # No window slides over supports, as in the config.
    assert inferencer._network.support_steps == [RESIZE]
    assert inferencer._network.steps == [([], False)]


def test_an_image_smaller_than_a_window_is_not_cut():
    slid = fitted(slide=dict(crop_size=(200, 200), stride=(100, 100)))
    image, _ = image_of((20, 20, 230))
    torch.testing.assert_close(
        *(logits_of(one, [image])[0] for one in (slid, fitted())),
        rtol=0, atol=1e-4)


def test_tta_has_three_sizes_and_flips():
    views = small_inferencer(RESIZE, tta=True)._network.steps
    assert [(steps[0]['scale'], flip) for steps, flip in views] == [
        (scale, flip) for scale in [(49, 49), (65, 65), (81, 81)]
        for flip in (False, True)]


def test_a_fit_that_fails_keeps_the_old_classes(monkeypatch):
    inferencer = fitted(RESIZE)
    head = inferencer.model.decode_head
    before = head.fitted

    def fail(*supports_and_shots):
        raise RuntimeError('singular')

    monkeypatch.setattr(type(head.classifier), 'fit', fail)
    with pytest.raises(RuntimeError, match='singular'):
        inferencer.add_class('green', [image_of((20, 230, 20))])
    assert inferencer.classes == ('red', 'blue') and head.fitted is before


def test_probabilities_are_calibrated_and_labels_stay():
    """The scale that the config gives to the classifier does not matter."""
    image, _ = image_of((20, 20, 230), seed=7)

    def results(scale, **settings):
        inferencer = fitted(RESIZE, model=dict(decode_head=dict(
            type='PANetHead', in_channels=32, scale=scale)), **settings)
        return inferencer(image), inferencer

    (found, one), (other, _) = (results(scale) for scale in (20.0, 3.0))
    (before, off), (lower, _) = (
        results(scale, calibrate=False) for scale in (20.0, 3.0))
    for result in (other, before, lower):
        assert (result['predictions'] == found['predictions']).all()
    np.testing.assert_allclose(
        other['confidence'], found['confidence'], atol=1e-5)
    assert lower['confidence'].mean() < before['confidence'].mean() - 0.01
    assert off.model.decode_head.fitted.scale == 20
    means = torch.nn.functional.normalize(one.bank.prototypes(), dim=-1)
    apart = (means[1:] - means[0]).square().sum(-1).mean()
    torch.testing.assert_close(
        one.model.decode_head.fitted.weight[0], (8 / apart * means).float(),
        rtol=1e-4, atol=1e-4)
    assert one.fingerprint() != off.fingerprint()
