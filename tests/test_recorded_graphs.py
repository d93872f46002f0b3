"""Graphs of a model with classes, recorded by torch."""
import warnings

import pytest
import torch
from inference_parts import RESIZE, red_and_blue, small_inferencer

from mmseg_panet.stacks import EXPORTS_DYNAMO

CLASSIFIERS = {
    'prototypes': dict(type='PrototypeClassifier'),
    'squared': dict(type='PrototypeClassifier', distance='squared_euclidean'),
    'discriminant': dict(type='DiscriminantClassifier'),
    'refined': dict(type='QueryRefinement', rounds=1),
    # As with 256 channels or more, which are solved by steps.
    'steps': dict(type='QueryRefinement', rounds=1),
}


def fitted_model(name):
    model = small_inferencer(
        RESIZE, classifier=CLASSIFIERS[name],
        model=dict(channels_last=True)).fit(red_and_blue()).model
    if name == 'steps':
        assert model.decode_head.fitted.solver.invert()
    return model


def images(number):
    return torch.randn(
        number, 3, 65, 65, generator=torch.Generator().manual_seed(number))


@pytest.mark.parametrize('name', CLASSIFIERS)
def test_a_traced_model_takes_other_numbers(name):
    model = fitted_model(name)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')  # about values that are constants
        traced = torch.jit.trace(model, images(2))
        for number in (1, 3):
            torch.testing.assert_close(
                traced(images(number)), model(images(number)),
                rtol=1e-3, atol=1e-3)


@pytest.mark.skipif(not EXPORTS_DYNAMO, reason='needs torch 2.7 or later')
@pytest.mark.parametrize('name', CLASSIFIERS)
def test_an_exported_model_takes_other_numbers(name):
    model = fitted_model(name)
    with torch.no_grad():
        found = torch.export.export(
            model, (images(2),), strict=False,
            dynamic_shapes=dict(inputs={0: torch.export.Dim('images')}))
        module = found.module()
        for number in (1, 3):
            torch.testing.assert_close(
                module(images(number)), model(images(number)),
                rtol=1e-3, atol=1e-3)


def test_a_gradient_is_that_of_the_functions_with_their_own():
    model = fitted_model('prototypes')
    features = torch.randn(1, 32, 5, 5, requires_grad=True)
    fitted = model.decode_head.fitted
    logits = fitted(features)
    assert logits.grad_fn is not None
    with torch.no_grad():
        torch.testing.assert_close(fitted(features), logits, rtol=0, atol=0)
