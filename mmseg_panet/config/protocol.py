"""The protocol of a test: rules that are applied to a config."""
from pathlib import Path

from mmengine.config import Config, ConfigDict

from ..errors import InputError
from ..registry import type_name
from .bundled_configs import config_folder
from .config_file import read_config
from .settings import episodes_of_test
from .spelling import iter_dicts
from .support_annotation import GIVEN_ANNOTATIONS

_PARTS = {'train', 'test', 'evaluator', 'test_cfg'}


def bundled_protocols() -> list[str]:
    """List the names of the protocols that come with the package."""
    return sorted(file.stem for file in _folder().glob('*.py'))


def _folder() -> Path:
    return config_folder() / '_base_/protocols'


def apply_protocol(cfg: Config, name: str) -> None:
    """Replace the rules of a config with those of a protocol.

    Args:
        cfg (Config): Config to change in place.
        name (str): Name of a protocol of :func:`bundled_protocols`, or path
            of another protocol file, which ends in '.py'.

    Raises:
        InputError: If there is no such protocol, or if it cannot be applied
            to the config.
    """
    protocol = _read(name)
    episodes_of_test(cfg)
    _check_fit(cfg, protocol, name)
    for key in protocol.test.keys() & {'support_pipeline', 'query_pipeline'}:
        protocol.test[key] = _load_as(
            cfg.test_dataloader.dataset[key], protocol.test[key])
    cfg.test_evaluator = protocol.evaluator
    rules = dict(
        protocol=protocol, test_dataloader=dict(dataset=protocol.test),
        model=dict(test_cfg=protocol.test_cfg))
    cfg.merge_from_dict(rules)
    for _, dataset in iter_dicts(cfg.get('train_dataloader'), ''):
        if 'support_pipeline' in dataset:  # perhaps in a wrapper
            dataset.update(protocol.train)


def _read(name: str) -> ConfigDict:
    path = Path(name) if name.endswith('.py') else _folder() / f'{name}.py'
    if not path.is_file():
        raise InputError(
            f'expected one of the protocols {bundled_protocols()} or the path '
            f'of a protocol file, got {name!r}')
    protocol = read_config(path).get('protocol')
    if not isinstance(protocol, dict) or set(protocol) != _PARTS:
        raise InputError(
            f'expected protocol = dict({", ".join(sorted(_PARTS))}) in '
            f'{path}, got {protocol}; see the files in {_folder()} for '
            'examples')
    return protocol


def _check_fit(cfg: Config, protocol: ConfigDict, name: str) -> None:
    dataset = cfg.test_dataloader.dataset
    own = cfg.get('protocol', {}).get('test', {})
    if 'query_pipeline' in own and 'query_pipeline' not in protocol.test:
        raise InputError(
            f"protocol '{name}' keeps the pipelines of the data set, but "
            f"{cfg.filename} has those of protocol '{own.protocol}'; start "
            "from a config with the protocol 'modern'")
    if dataset.get('dataset') and protocol.test.get('pool') == 'train':
        raise InputError(
            f"protocol '{name}' tests on the training images: expected "
            'pools=dict(train=..., val=...) in the EpisodicDataset of '
            f'{cfg.filename}, got dataset=...; set both pools')
    given = [type_name(step) for step in dataset.support_pipeline
             if type_name(step) in GIVEN_ANNOTATIONS]
    if given and 'support_pipeline' in protocol.test:
        raise InputError(
            f"the support_pipeline of protocol '{name}' would replace that of "
            f'{cfg.filename} and its {given[0]}; write a protocol file with a '
            f'{given[0]}, or choose a protocol that keeps the pipelines')


def _load_as(own: list[dict], pipeline: list[dict]) -> list[dict]:
    """Replace the loading in a pipeline with that of another pipeline."""
    loaders = {_kind_of(step): step for step in own}
    return [
        loaders.get(_kind_of(step), step) if _kind_of(step) else step
        for step in pipeline]


def _kind_of(step: dict) -> str:
    """Tell what a step loads; '' for other steps."""
    name = type_name(step)
    return next((
        kind for kind in ('Image', 'Annotations')
        if name.startswith('Load') and kind in name), '')
