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
    cfg.merge_from_dict(dict(
        protocol=protocol,
        train_dataloader=dict(dataset=protocol.train),
        test_dataloader=dict(dataset=protocol.test),
        test_evaluator=protocol.evaluator,
        model=dict(test_cfg=protocol.test_cfg)))
