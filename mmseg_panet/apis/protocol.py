"""Applying the rules of a protocol to a config."""
from pathlib import Path

from mmengine.config import Config

from ..errors import InputError

_FOLDER = Path(__file__).parents[2] / 'configs/_base_/protocols'


def apply_protocol(cfg: Config, name: str) -> None:
    """Put the rules of a protocol in place of the config's own.

    Args:
        cfg (Config): Changed in place.
        name (str): A file of ``configs/_base_/protocols``, without its
            suffix, or the path of another of that kind.

    Raises:
        InputError: If there is no such protocol, or the config's own has
            pipelines for which the named one has no replacement.
    """
    path = Path(name) if name.endswith('.py') else _FOLDER / f'{name}.py'
    if not path.is_file():
        known = sorted(file.stem for file in _FOLDER.glob('*.py'))
        raise InputError(
            f'expected a protocol of {known} or the path of a file like '
            f'those, got {name!r}')
    protocol = Config.fromfile(str(path)).protocol
    own = cfg.get('protocol', {}).get('test', {})
    if 'query_pipeline' in own and 'query_pipeline' not in protocol.test:
        raise InputError(
            f"{cfg.filename} has the pipelines of protocol "
            f"'{own.protocol}', and '{name}' leaves them to the data set: "
            'they are not known here; start from a config of the protocol '
            "'modern'")
    for key in ('support_pipeline', 'query_pipeline'):
        if key in protocol.test:
            protocol.test[key] = _load_as(
                cfg.test_dataloader.dataset[key], protocol.test[key])
    cfg.merge_from_dict(dict(
        protocol=protocol,
        test_dataloader=dict(dataset=protocol.test),
        test_evaluator=protocol.evaluator,
        model=dict(test_cfg=protocol.test_cfg)))
    if cfg.get('train_dataloader'):
        cfg.merge_from_dict(
            dict(train_dataloader=dict(dataset=protocol.train)))


def _load_as(own: list[dict], pipeline: list[dict]) -> list[dict]:
    """A protocol's pipeline with the loading of the data set's own."""
    loaders = {
        kind: step for step in own
        for kind in ('Image', 'Annotations')
        if step['type'].startswith('Load') and kind in step['type']}
    return [
        loaders.get(step['type'].removeprefix('Load').removesuffix('FromFile'),
                    step) for step in pipeline]
