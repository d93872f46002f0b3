"""Loading the model of an inferencer."""
import logging
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.logging import print_log
from mmseg.registry import MODELS
from torch import nn

from ..config.build_errors import build_errors
from ..config.classifier import classifier_config
from ..config.settings import leave_timm_out
from ..errors import InputError
from ..models import FewShotHead, GeneralizedHead, PrototypeClassifier
from ..models.backbone_segmentor import BackboneSegmentor
from ..models.checkpoint_file import read_weights
from ..models.classifiers import build_classifier
from ..models.few_shot_head import BYPASSED
from ..models.head_check import check_head
from ..models.initialization import initialization
from ..models.patch_grid import check_each_call
from ..models.pretrained import COMPUTED, checkpoints_of, fitting_part
from ..overrides import difference


def load_model(cfg: ConfigDict, weights: str | None, device: str,
               classifier: dict | str | None = 'config') -> nn.Module:
    """Build the model of a config, and load its weights.

    Args:
        cfg (ConfigDict): A config with a ``model``.
        weights (str, optional): See :func:`load_weights`.
        device (str): Device of the model.
        classifier (dict | str, optional): See :class:`FewShotInferencer`.
            Defaults to 'config'.

    Returns:
        nn.Module: The model in evaluation mode.

    Raises:
        InputError: If one of the arguments cannot be used.
    """
    try:
        torch.empty(0, device=device)
    # Each backend raises other errors.
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"the device '{device}' cannot be used ({reason}); leave it out "
            "to have the best there is, or give 'cpu'") from error
    if weights is not None and isinstance(cfg.get('model'), dict):
        leave_timm_out(cfg.model.get('backbone') or {})
    model: Any = build_model(cfg)
    _set_classifier(model.decode_head, cfg, classifier)
    check_head(model.decode_head)
    load_weights(model, weights)
    model.cfg = cfg
    return model.to(device).eval()


def build_model(cfg: ConfigDict) -> nn.Module:
    """Build the model of a config, without weights.

    Raises:
        InputError: If the model cannot be built, or has no
            :class:`PANetHead`.
    """
    if not isinstance(cfg.get('model'), dict):
        raise InputError(
            f'expected a config with a model, got one with {sorted(cfg)}; '
            '`mmseg-panet --list-configs` lists those of this project')
    with build_errors(cfg):
        model = MODELS.build(cfg.model)
    if not cfg.model.get('data_preprocessor'):
        raise InputError(
            'expected a model with a data_preprocessor, which normalises the '
            "images, got none; add one of the type 'SegDataPreProcessor'")
    head = getattr(model, 'decode_head', None)
    if isinstance(head, GeneralizedHead):
        raise InputError(
            'expected a model whose decode_head is a PANetHead, got a '
            'GeneralizedHead, whose base classes FewShotInferencer does not '
            "name; set type='PANetHead' there, or score the model with "
            '`mmseg-panet test`')
    other = difference(head, FewShotHead, BYPASSED)
    if other:
        raise InputError(
            'expected a model whose decode_head is a PANetHead, got a '
            f'{type(model).__name__} with {other}; set '
            "type='PANetHead' there, as a new method is a Classifier")
    if not isinstance(model, BackboneSegmentor):
        check_each_call(model.backbone)
    return model


def _set_classifier(head: Any, cfg: ConfigDict,
                    wanted: dict | str | None) -> None:
    """Give a head the classifier that was chosen."""
    if wanted is None:
        # The head of another project may have one that no config names.
        usual = type(head.classifier) is PrototypeClassifier and (
            cfg.model.decode_head.get('classifier') is None
            and head.bank is None)
        wanted = 'auto' if usual else 'config'
    if wanted != 'config':
        settings = cfg.model.decode_head
        classifier = classifier_config(wanted)
        with build_errors(dict(classifier=classifier)):
            head.classifier = build_classifier(
                classifier, scale=settings.get('scale'),
                distance=settings.get('distance'))


def load_weights(model: Any, weights: str | None) -> None:
    """Give a model its weights.

    Args:
        model (EncoderDecoder): The model, which is changed in place.
        weights (str, optional): A checkpoint of the model, or of its backbone
            alone, as a PANet without a neck has no other parameters; a file
            or any address that mmengine loads. None initialises the model as
            before training, its backbone with the config's pretrained
            weights.

    Raises:
        InputError: If the file is missing or unreadable, or does not fit.
    """
    if weights is None:
        # timm has already loaded its weights when it built its model.
        backbone = model.backbone
        if not any(checkpoints_of(backbone)) and not getattr(
                backbone, 'is_init', False):
            print_log(
                'the model has random weights: neither a checkpoint nor '
                'pretrained weights of the backbone are given',
                logger='current', level=logging.WARNING)
        with initialization(model):
            model.init_weights()
        return
    state = {
        key: value for key, value in read_weights(weights).items()
        if not key.endswith(COMPUTED)}
    fitting_part(model, state, weights).load_state_dict(state, strict=False)
