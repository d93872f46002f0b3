"""Settings that a config has in several places."""
import os
from collections.abc import Iterator

from mmengine.config import Config, ConfigDict

from ..datasets.folds import split_classes
from ..errors import InputError
from ..registry import type_name
from .config_file import data_loaders
from .spelling import iter_dicts

_HOOKS_OF_MMENGINE = frozenset({
    'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler',
    'checkpoint'})
"""Default hooks that a Runner has unless the config sets them to None."""


def apply_settings(cfg: Config, fold: int | None = None,
                   ways: int | None = None, shots: int | None = None,
                   queries: int | None = None, data_root: str | None = None,
                   pretrained: str | None = None) -> None:
    """Change settings in the training, the validation and the test.

    A setting that is None is not changed.

    Args:
        cfg (Config): Config to change in place.
        fold (int, optional): Fold whose classes are novel.
        ways (int, optional): Number of ways, W.
        shots (int, optional): Number of shots, S.
        queries (int, optional): Number of queries, Q.
        data_root (str, optional): Folder of the images and masks.
        pretrained (str, optional): Checkpoint of the backbone, as a path or
            as a URL that mmengine resolves, such as
            'torchvision://resnet50'.

    Raises:
        InputError: If the config has no ``EpisodicDataset``.

    Example:
        >>> dataset = dict(type='EpisodicDataset', support_pipeline=[])
        >>> cfg = Config(dict(test_dataloader=dict(dataset=dataset)))
        >>> apply_settings(cfg, shots=5)
        >>> cfg.test_dataloader.dataset.num_shots
        5
    """
    datasets = list(_with_key(data_loaders(cfg), 'folds'))
    episodic = list(_with_key(data_loaders(cfg), 'support_pipeline'))
    if not episodic:
        raise InputError(no_episodes(cfg))
    every = [*datasets, *episodic]
    given = {key: value for key, value in dict(
        fold=fold, num_ways=ways, num_shots=shots, num_queries=queries,
        data_root=data_root, pretrained=pretrained).items()
        if value is not None}
    # If the config has a variable for a setting, it changes, too.
    for key in given.keys() & cfg.keys():
        cfg[key] = given[key]
    given.pop('pretrained', None)
    if pretrained is not None:
        set_pretrained(cfg, pretrained)
    given.pop('data_root', None)
    if data_root is not None:
        roots = {node['data_root'] for node in _with_key(every, 'data_root')}
        for dataset in every:
            _move_folds(dataset, roots, data_root)
        for node in _with_key(every, 'data_root'):
            node['data_root'] = data_root
    for dataset in episodic:
        dataset.update(given)
    if fold is not None:
        for dataset in datasets:  # also those of single images
            dataset['fold'] = fold


def _move_folds(dataset: dict, roots: set[str], data_root: str) -> None:
    """Move the file of the folds to another folder of the data."""
    folds = dataset.get('folds')
    for root in roots:
        if isinstance(folds, str) and folds.startswith(f'{root}/'):
            dataset['folds'] = f'{data_root}{folds[len(root):]}'


def no_episodes(cfg: Config) -> str:
    """Return the message about a config without an ``EpisodicDataset``."""
    return (
        f'expected an EpisodicDataset in {cfg.filename}, got none: such a '
        'config is for `mmseg-panet segment` and `fit`; give another one to '
        'train and test, such as panet_r50-d8_1xb4-6k_pascal5i-473x473 '
        '(`mmseg-panet --list-configs` lists all)')


def episodes_of_test(cfg: Config) -> ConfigDict:
    """Return the ``EpisodicDataset`` of the test of a config.

    Raises:
        InputError: If there is none, or if it is in a wrapper of mmengine.
    """
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    if dataset.get('support_pipeline'):
        return dataset
    if not any(_with_key([dataset], 'support_pipeline')):
        raise InputError(no_episodes(cfg))
    raise InputError(
        'expected an EpisodicDataset as test_dataloader.dataset of '
        f'{cfg.filename}, got one in a {type_name(dataset)}: a result is that '
        'of one set of rules; remove the wrapper, set num_episodes of the '
        "EpisodicDataset, or put dataset=dict(type='ConcatDataset', ...) into "
        'it')


def set_pretrained(cfg: Config, checkpoint: str,
                   is_alone: bool = False) -> None:
    """Set the checkpoint of the backbone of a config.

    Args:
        cfg (Config): Config to change in place. mmseg's ``model.pretrained``
            excludes ``init_cfg`` of the backbone, and becomes None.
        checkpoint (str): See :func:`apply_settings`.
        is_alone (bool): Whether the file has the backbone's own keys. If
            not, they have the prefix of the ``init_cfg`` of the config, or
            are those of timm. Defaults to False.
    """
    if cfg.model.get('pretrained') is not None:
        cfg.model.pretrained = None
    backbone = cfg.model.backbone
    if loads_by_timm(backbone) and not is_alone:
        backbone.pretrained_cfg_overlay = dict(file=checkpoint)
        return
    init_cfg = backbone.get('init_cfg')
    prefix = isinstance(init_cfg, dict) and init_cfg.get('prefix')
    backbone.init_cfg = dict(type='Pretrained', checkpoint=checkpoint)
    if prefix and not is_alone:
        backbone.init_cfg.prefix = prefix
    leave_timm_out(backbone)


def loads_by_timm(backbone: dict) -> bool:
    """Return whether timm loads pretrained weights of a backbone."""
    return type_name(backbone) == 'TIMMBackbone' and (
        backbone.get('pretrained', True))


def leave_timm_out(backbone: dict) -> None:
    """Load no pretrained weights by timm, as a checkpoint replaces them.

    timm loads them, or downloads them, when the backbone is built.

    Args:
        backbone (dict): Config of a backbone, which is changed in place.
    """
    if loads_by_timm(backbone):
        backbone['pretrained'] = False


def remove_hooks(cfg: Config) -> None:
    """Remove the default hooks that a config sets to None.

    mmengine does so with its own hooks only, and asserts that all others are
    set.

    Args:
        cfg (Config): Config to change in place.
    """
    hooks = cfg.get('default_hooks') or {}
    for name in hooks.keys() - _HOOKS_OF_MMENGINE:
        if hooks[name] is None:
            del hooks[name]


def check_places(cfg: Config, *modes: str) -> None:
    """Check the folds and the folders of the data before a Runner is built.

    Args:
        cfg (Config): Config to check.
        *modes (str): Data loaders to check: 'train', 'val', 'test'.

    Raises:
        InputError: If a fold or a folder does not exist. Folders that
            mmengine reads by the ``backend_args`` of a data set are not
            checked.
    """
    loaders = [cfg.get(f'{mode}_dataloader') for mode in modes]
    for dataset in _with_key(loaders, 'support_pipeline'):
        if dataset.get('folds') is not None and not dataset.get('manifest'):
            split_classes(dataset['folds'], dataset.get('fold', 0), 'novel')
    for node in _with_key(loaders, 'data_root'):
        root = node['data_root']
        backend = (node.get('backend_args') or {}).get('backend', 'local')
        is_local = backend == 'local' and '://' not in str(root)
        if root and is_local and not os.path.isdir(root):
            raise InputError(
                f'the folder {root} of the data, data_root in {cfg.filename}, '
                'does not exist; correct it, or give it with --data-root '
                '(--test-data-root with --test-config)')


def _with_key(nodes: list, key: str) -> Iterator[dict]:
    """Yield all dicts below some nodes of a config that have a key."""
    return (one for _, one in iter_dicts(nodes, '') if key in one)
