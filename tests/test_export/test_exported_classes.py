"""What of a model is exported, and what is left out."""
import pytest
import torch
from exported_parts import small_network
from inference_parts import RESIZE, red_and_blue, small_inferencer

from mmseg_panet.errors import InputError
from mmseg_panet.export.exported_classes import linear_classes, select_classes
from mmseg_panet.models.classifiers import LinearClassifier


def test_what_depends_on_an_image_is_left_out_unless_it_is_wanted():
    kept = small_inferencer(RESIZE, classifier='auto', min_area=0.1)
    model = kept.fit(red_and_blue()).model
    assert select_classes(model, True) == ['the removal of small components']
    assert model.decode_head.fitted.solver.inverse is not None
    assert select_classes(model, False) == [
        'the refinement of the classes by each image', 'the edge filter']
    assert isinstance(model.decode_head.fitted, LinearClassifier)
    assert select_classes(model, False) == []


@pytest.mark.parametrize(('shots', 'classifier'), [
    (1, 'PrototypeClassifier'), (2, 'DiscriminantClassifier')])
def test_the_start_of_auto_is_exported_calibrated(shots, classifier):
    supports = {'red': red_and_blue(shots)['red']}
    models = [
        small_inferencer(RESIZE, classifier=one).fit(supports).model
        for one in ('auto', dict(type=classifier))]
    select_classes(models[0], False)
    if shots == 1:
        # Prototypes alone are those of raw cells.
        models[0].decode_head.fitted.weight = (
            models[1].decode_head.fitted.weight)
    for one, other in zip(*map(linear_classes, models), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_windows_are_refused():
    model = small_inferencer(RESIZE, slide=dict(
        crop_size=(65, 65), stride=(40, 40))).fit(red_and_blue()).model
    with pytest.raises(InputError, match="one input size, got mode='slide'"):
        select_classes(model, False)


def test_refined_classes_are_no_inputs():
    model = small_network('auto', True).model
    with pytest.raises(InputError, match='--open.*FittedRefinement'):
        linear_classes(model)


def test_a_scatter_without_inverse_is_refused():
    inferencer = small_inferencer(RESIZE, classifier='auto')
    model = inferencer.fit(red_and_blue()).model
    model.decode_head.fitted.solver.scatter.fill_(torch.nan)
    with pytest.raises(InputError, match='positive definite.*--refine'):
        select_classes(model, True)
