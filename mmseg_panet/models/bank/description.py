"""The description of a model that a bank is made with."""
import hashlib
import json
from typing import Any

from mmengine.config import ConfigDict
from torch import nn

from ...registry import with_type_names
from ..classifiers import Classifier
from ..pretrained import NO_WEIGHTS

_OF_TRAINING = ('init_cfg', 'pretrained', 'frozen_stages', 'norm_eval',
                'with_cp')
"""Settings of a backbone that have no effect in evaluation mode."""

_NOT_MEASURING = ('auxiliary_head.', 'decode_head.bank.')
"""Prefixes of weights that no feature depends on."""


def describe_model(model: nn.Module, cfg: ConfigDict,
                   pipeline: list[dict]) -> dict[str, Any]:
    """Describe what statistics depend on, and the classifier.

    Args:
        model (nn.Module): A model of :func:`build_model` with its weights.
        cfg (ConfigDict): Config of the model.
        pipeline (list[dict]): Transforms of the supports' images.

    Returns:
        dict[str, Any]: Values that JSON holds: ``weights_sha256``,
        ``network``, ``preprocessing``, ``pooling``, and those of
        :func:`describe_classifier`.
    """
    head: Any = model.decode_head
    network = {
        part: {key: value for key, value in cfg.model[part].items()
               if key not in _OF_TRAINING}
        for part in ('backbone', 'neck') if cfg.model.get(part)}
    network['in_index'] = head.in_index
    if head.input_transform:  # absent in banks of a single level
        network['input_transform'] = head.input_transform
    description = dict(
        weights_sha256=weights_sha256(model),
        network=network,
        preprocessing=dict(
            normalise={
                key: value for key, value in
                (cfg.model.get('data_preprocessor') or {}).items()
                if key not in ('type', 'size', 'seg_pad_val')},
            pipeline=pipeline))
    return _as_json(description) | describe_pooling(
        head) | describe_classifier(head.classifier)


def describe_pooling(head: Any) -> dict[str, Any]:
    """Describe how a head pools features under masks."""
    return dict(pooling=dict(
        pool_at=head.pool_at, align_corners=head.align_corners))


def describe_classifier(classifier: Classifier) -> dict[str, Any]:
    """Describe a classifier.

    Args:
        classifier (Classifier): The classifier of a head.

    Returns:
        dict[str, Any]: Values that JSON holds. The statistics depend on
        ``cells``, ``needs`` and ``rank``; the logits also depend on
        ``classifier``, the type, and ``matching``, its settings.
    """
    settings = classifier.settings()
    return _as_json(dict(
        cells='unit' if classifier.unit_cells else 'raw',
        needs=list(classifier.needs),
        rank=classifier.rank if 'moments' in classifier.needs else None,
        classifier=settings.pop('type'),
        matching=settings))


def _as_json(description: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(
        with_type_names(description), sort_keys=True, default=str))


def weights_sha256(model: nn.Module) -> str:
    """Hash a model's weights, whatever their device and file.

    Args:
        model (nn.Module): A model, whose parameters and buffers are hashed
            by name, without those of auxiliary heads, which only training
            uses, and without the bank of the head.

    Returns:
        str: SHA-256 in hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if not name.startswith(_NOT_MEASURING) and not name.endswith(
                NO_WEIGHTS):
            digest.update(
                f'{name} {value.dtype} {tuple(value.shape)}'.encode()
                + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
