"""The classes of an exported graph."""
from typing import Any

import torch
from mmengine.config import ConfigDict
from torch import Tensor

from ..errors import InputError
from ..models.classifiers import LinearClassifier
from ..models.classifiers.query_refinement import FittedRefinement
from ..models.edge_filter import edge_filter_of
from ..models.image_maps import slides
from ..models.small_components import min_area_of
from ..models.temperature import calibrate


def select_classes(model: Any, refine: bool) -> list[str]:
    """Select what is exported, by changing a model in place.

    Without ``refine``, the classes are those from which a refinement starts,
    and there is no edge filter. They are calibrated.

    Args:
        model (EncoderDecoder): Model with fitted classes.
        refine (bool): Whether to keep the refinement of the classes by each
            image, and the edge filter.

    Returns:
        list[str]: What is left out, in words.

    Raises:
        InputError: If the model slides windows over images, or if the
            scatter of the classes has no inverse, which the refinement in a
            graph needs.
    """
    if slides(model):
        raise InputError(
            'expected a model without sliding windows, as a graph has one '
            "input size, got mode='slide' in test_cfg; remove mode there")
    head, left_out = model.decode_head, []
    fitted = head.fitted
    if isinstance(fitted, FittedRefinement):
        if not refine:
            head.fitted = fitted.start
            calibrate(fitted.start, fitted.solver.means, unit_cells=True)
            left_out.append('the refinement of the classes by each image')
        elif not fitted.solver.invert():
            raise InputError(
                'expected classes whose scatter is positive definite, which '
                '--refine needs, got others; use a larger shrinkage of the '
                'classifier, or leave out --refine')
    settings: dict[str, Any] = {}
    if not refine and edge_filter_of(model) is not None:
        settings['edges'] = False
        left_out.append('the edge filter')
    if min_area_of(model):
        settings['min_area'] = 0.0
        left_out.append('the removal of small components')
    if settings:
        model.test_cfg = ConfigDict(model.test_cfg or {}, **settings)
    return left_out


def linear_classes(model: Any) -> tuple[Tensor, Tensor]:
    """Return the classes as inputs of a graph.

    Args:
        model (EncoderDecoder): Model of :func:`select_classes`.

    Returns:
        tuple[Tensor, Tensor]: Weight (K, C) and bias (K,), background first.

    Raises:
        InputError: If the classes are not linear.
    """
    fitted = model.decode_head.fitted
    if not isinstance(fitted, LinearClassifier):
        remedy = ', or leave out --refine' if isinstance(
            fitted, FittedRefinement) else ''
        raise InputError(
            'expected a linear classifier for --open, whose weight and bias '
            f'are inputs, got {type(fitted).__name__}; leave out --open'
            f'{remedy}')
    weight = fitted.scale * fitted.weight.reshape(-1, fitted.weight.shape[-1])
    bias = torch.zeros(len(weight)) if fitted.bias is None else (
        fitted.scale * fitted.bias.flatten())
    return weight, bias
