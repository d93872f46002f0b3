"""Applying the rules of a protocol to a config."""
from pathlib import Path

from mmengine.config import Config, ConfigDict

from ..errors import InputError
from .config_file import read_config
from .config_folder import config_folder
from .support_annotation import GIVEN_ANNOTATIONS

_PARTS = {'train', 'test', 'evaluator', 'test_cfg'}


def bundled_protocols() -> list[str]:
    """Names of the protocols of ``configs/_base_/protocols``."""
    return sorted(file.stem for file in _folder().glob('*.py'))


def apply_protocol(cfg: Config, name: str) -> None:
    """Put the rules of a protocol in place of the config's own.

    Args:
        cfg (Config): Changed in place.
        name (str): One of :func:`bundled_protocols`, or the path of another
            file of that kind, which ends in '.py'.

    Raises:
        InputError: If there is no such protocol, or the config does not fit
            it.
    """
    protocol = _read(name)
    if not cfg.get('test_dataloader', {}).get('dataset', {}).get(
            'support_pipeline'):
        raise InputError(
            f'a protocol needs an EpisodicDataset as test_dataloader.dataset '
            f'of {cfg.filename}; configs/_base_/datasets shows some')
    _check_fit(cfg, protocol, name)
    for key in protocol.test.keys() & {'support_pipeline', 'query_pipeline'}:
        protocol.test[key] = _load_as(
            cfg.test_dataloader.dataset[key], protocol.test[key])
    cfg.test_evaluator = protocol.evaluator
    rules = dict(
        protocol=protocol, test_dataloader=dict(dataset=protocol.test),
        model=dict(test_cfg=protocol.test_cfg))
    if cfg.get('train_dataloader'):
        rules['train_dataloader'] = dict(dataset=protocol.train)
    cfg.merge_from_dict(rules)


def _folder() -> Path:
    return config_folder() / '_base_/protocols'


def _read(name: str) -> ConfigDict:
    path = Path(name) if name.endswith('.py') else _folder() / f'{name}.py'
    if not path.is_file():
        raise InputError(
            f'expected a protocol of {bundled_protocols()} or the path of a '
            f'file like those, got {name!r}')
    protocol = read_config(path).get('protocol')
    if not isinstance(protocol, dict) or set(protocol) != _PARTS:
        raise InputError(
            f'expected protocol = dict({", ".join(sorted(_PARTS))}) in '
            f'{path}, got {protocol}; configs/_base_/protocols shows some')
    return protocol


def _check_fit(cfg: Config, protocol: ConfigDict, name: str) -> None:
    dataset = cfg.test_dataloader.dataset
    own = cfg.get('protocol', {}).get('test', {})
    if 'query_pipeline' in own and 'query_pipeline' not in protocol.test:
        raise InputError(
            f"{cfg.filename} has the pipelines of '{own.protocol}', and "
            f"'{name}' leaves them to the data set: its own are not known "
            "here; start from a config of the protocol 'modern'")
    if dataset.get('dataset') and protocol.test.get('pool') == 'train':
        raise InputError(
            f"protocol '{name}' tests on the images trained on: expected "
            'pools=dict(train=..., val=...) in the EpisodicDataset of '
            f'{cfg.filename}, got dataset=...; name both pools')
    given = [step['type'] for step in dataset.support_pipeline
             if step['type'] in GIVEN_ANNOTATIONS]
    if given and 'support_pipeline' in protocol.test:
        raise InputError(
            f"protocol '{name}' has a support_pipeline of its own, without "
            f'the {given[0]} of {cfg.filename}; write a protocol file with '
            'it, or name a protocol that keeps the pipelines')


def _load_as(own: list[dict], pipeline: list[dict]) -> list[dict]:
    """A protocol's pipeline with the loading of the data set's own."""
    loaders = {
        f'Load{kind}': step for step in own
        for kind in ('Image', 'Annotations')
        if step['type'].startswith('Load') and kind in step['type']}
    return [loaders.get(step['type'].removesuffix('FromFile'), step)
            for step in pipeline]
