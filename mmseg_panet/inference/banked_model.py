"""A model of mmseg with the classes of a bank: its config and checkpoint."""
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from ..annotations.label_type import IGNORED, ignored_label
from ..config.settings import leave_timm_out
from ..files import StrPath, prepare_output, write_atomic
from ..models.bank.banked_classes import BankedClasses
from ..models.checkpoint_file import write_checkpoint
from ..models.few_shot_segmentor import FewShotSegmentor
from ..registry import with_type_names
from ..version import __version__
from .few_shot_inferencer import FewShotInferencer
from .images.image_pipeline import network_size, rescaled
from .network import TTA

_PACK = dict(type='PackSegInputs')


def banked_paths(out_dir: StrPath, name: str) -> tuple[Path, Path]:
    """Return the config and the checkpoint of :func:`write_banked_model`."""
    return Path(out_dir, f'{name}.py'), Path(out_dir, f'{name}.pth')


def write_banked_model(inferencer: FewShotInferencer, out_dir: StrPath,
                       name: str, data_root: str = 'data'
                       ) -> tuple[Path, Path]:
    """Write an inferencer as an ordinary segmentation model of mmseg.

    The config and the checkpoint need neither the bank nor other files. The
    tools and functions of mmseg read them like those of any model.

    Args:
        inferencer (FewShotInferencer): Inferencer with registered classes.
        out_dir (str | os.PathLike): Folder of both files.
        name (str): Name of the files without suffix.
        data_root (str): Folder of labelled images, see
            :class:`FolderDataset`, by which mmseg scores or trains the
            model. Defaults to 'data'.

    Returns:
        tuple[Path, Path]: Paths of the config and of the checkpoint.

    Raises:
        InputError: If a file cannot be written.
        WriteError: If the disk is full.
    """
    config, checkpoint = banked_paths(out_dir, name)
    for path in (config, checkpoint):
        prepare_output(path)
    meta = inferencer.dataset_meta
    classes = BankedClasses(inferencer.classes, meta['palette'])
    bank = inferencer.bank
    classes.set(
        bank.statistics(), bank.num_images,
        inferencer.model.decode_head.classifier.unit_cells)
    weights = inferencer.model.state_dict() | {
        f'decode_head.bank.{key}': one
        for key, one in classes.state_dict().items()}
    write_checkpoint(checkpoint, dict(
        meta=dict(dataset_meta=meta, mmseg_panet=__version__),
        state_dict={
            key: one.cpu() for key, one in weights.items()
            if not key.startswith('auxiliary_head.')}))
    # mmengine replaces {{ }} in configs, which may be in names and paths.
    text = Config(banked_config(inferencer, data_root)).pretty_text.replace(
        '{{', '{\\x7b')
    write_atomic(config, text.encode())
    return config, checkpoint


def banked_config(inferencer: FewShotInferencer, data_root: str
                  ) -> dict[str, Any]:
    """Make the config of a model with the classes of an inferencer.

    Args:
        inferencer (FewShotInferencer): Inferencer with registered classes.
        data_root (str): See :func:`write_banked_model`.

    Returns:
        dict[str, Any]: The config of mmseg, without the statistics.
    """
    steps = with_type_names(inferencer.image_steps)
    meta = inferencer.dataset_meta
    ignored = ignored_label(len(meta['classes']))
    # mmseg's LoadAnnotations truncates ids to 8 bits.
    labels = dict(type='LoadAnnotations' if ignored == IGNORED
                  else 'LoadWideAnnotations')
    load = dict(
        type='LoadOrientedImage', **inferencer.reading.settings())
    # mmseg's inferencer looks for the loader of mmcv by its name.
    alone = load if inferencer.reading else dict(type='LoadImageFromFile')
    test = [alone, *steps, labels, _PACK]
    dataset = dict(
        type='FolderDataset', data_root=data_root, metainfo=meta,
        match_names=True, test_mode=True, pipeline=test)
    loader = dict(
        batch_size=1, num_workers=2, persistent_workers=True,
        sampler=dict(type='DefaultSampler', shuffle=False), dataset=dataset)
    evaluator = dict(
        type='IoUMetric', iou_metrics=['mIoU'], ignore_index=ignored)
    return dict(
        default_scope='mmseg',
        custom_imports=dict(
            imports=_imports(inferencer.cfg), allow_failed_imports=False),
        model=_model_config(inferencer, meta['palette'], ignored),
        test_pipeline=[alone, *steps, _PACK],
        tta_pipeline=[load, dict(
            type='TestTimeAug', transforms=_augmentations(steps, labels))],
        tta_model=dict(type='SegTTAModel'),
        train_dataloader=loader | dict(
            batch_size=4,
            sampler=dict(type='InfiniteSampler', shuffle=True),
            dataset=dataset | dict(
                test_mode=False, pipeline=[
                    load, labels, *steps,
                    dict(type='RandomCrop', crop_size=network_size(
                        steps, inferencer.cfg)),
                    dict(type='RandomFlip', prob=0.5), _PACK])),
        val_dataloader=loader | dict(
            dataset=dataset | dict(pipeline=[load, *test[1:]])),
        test_dataloader=loader,
        val_evaluator=evaluator, test_evaluator=evaluator,
        train_cfg=dict(
            type='IterBasedTrainLoop', max_iters=200, val_interval=200),
        val_cfg=dict(type='ValLoop'), test_cfg=dict(type='TestLoop'),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(
            type='SGD', lr=1e-4, momentum=0.9, weight_decay=5e-4)),
        env_cfg=dict(
            cudnn_benchmark=False, dist_cfg=dict(backend='nccl'),
            mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0)),
        default_hooks=dict(
            timer=dict(type='IterTimerHook'),
            logger=dict(
                type='LoggerHook', interval=50, log_metric_by_epoch=False),
            param_scheduler=dict(type='ParamSchedulerHook'),
            checkpoint=dict(
                type='CheckpointHook', by_epoch=False, interval=200),
            sampler_seed=dict(type='DistSamplerSeedHook'),
            visualization=dict(type='SegVisualizationHook')),
        vis_backends=[dict(type='LocalVisBackend')],
        visualizer=dict(
            type='SegLocalVisualizer', name='visualizer',
            vis_backends=[dict(type='LocalVisBackend')]),
        log_processor=dict(by_epoch=False), log_level='INFO',
        load_from=None, resume=False)


def _imports(cfg: ConfigDict) -> list[str]:
    """List the modules with the components of the config."""
    given = cfg.get('custom_imports', {}).get('imports') or []
    return list(dict.fromkeys([
        'mmseg_panet', *([given] if isinstance(given, str) else given)]))


def _model_config(inferencer: FewShotInferencer,
                  palette: Sequence[Sequence[int]],
                  ignored: int) -> dict[str, Any]:
    model = Config(dict(model=inferencer.cfg.model)).to_dict()['model']
    head = inferencer.model.decode_head
    if not isinstance(inferencer.model, FewShotSegmentor):
        # It resizes and filters the logits as the inferencer does.
        model['type'] = FewShotSegmentor.__name__
    for key in ('auxiliary_head', 'pretrained', 'train_cfg'):
        model.pop(key, None)
    # mmseg pads the images of a batch in training.
    model['data_preprocessor'].pop('size_divisor', None)
    model['data_preprocessor'] |= dict(
        size=network_size(inferencer.image_steps, inferencer.cfg),
        seg_pad_val=ignored)
    for part in ('backbone', 'neck'):
        if model.get(part):
            model[part]['init_cfg'] = None
    leave_timm_out(model['backbone'])
    for key in ('scale', 'distance', 'loss_align'):
        model['decode_head'].pop(key, None)
    model['decode_head'] |= dict(
        loss_align=None, ignore_index=ignored,
        classifier=head.classifier.settings(),
        bank=dict(classes=list(inferencer.classes), palette=palette))
    model['test_cfg'] = dict(inferencer.model.test_cfg or {}) or dict(
        mode='whole')
    return model


def _augmentations(steps: Sequence[dict], labels: dict
                   ) -> list[list[dict]]:
    """Return the choices of each step of mmseg's ``TestTimeAug``."""
    sizes = [rescaled(steps, ratio) for ratio in TTA['ratios']]
    choices = [
        [one for index, one in enumerate(of_step)
         if one is not None and one not in of_step[:index]]
        for of_step in zip_longest(*sizes)]
    return [
        *(some for some in choices if some),
        [dict(type='RandomFlip', prob=0.), dict(type='RandomFlip', prob=1.)],
        [labels], [_PACK]]
