# panet_r18-d8_1xb4-800iters_toy3i-128x128 in pure Python: types are classes,
# and read_base imports the variables of a base.
from mmcv.transforms import LoadImageFromFile, RandomFlip
from mmengine.config import read_base
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.optim import LinearLR, OptimWrapper, PolyLR
from mmengine.runner import ValLoop
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs
from mmseg.models import SegDataPreProcessor
from torch.optim import Adam

from mmseg_panet.datasets import EpisodicDataset, ToyDataset, episode_collate
from mmseg_panet.datasets.transforms import (
    EpisodeLabels,
    LoadOrientedImage,
    PackEpisodeInputs,
)
from mmseg_panet.engine import FewShotTestLoop, FewShotTrainLoop
from mmseg_panet.evaluation import FewShotIoUMetric
from mmseg_panet.models import (
    DilatedResNet,
    FewShotSegmentor,
    PANetHead,
    PrototypeAlignmentLoss,
)

with read_base():
    from ..configs._base_.default_runtime import *

model = dict(
    type=FewShotSegmentor,
    data_preprocessor=dict(
        type=SegDataPreProcessor,
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(128, 128)),
    backbone=dict(
        type=DilatedResNet, depth=18, norm_eval=False, frozen_stages=-1),
    decode_head=dict(
        type=PANetHead,
        in_channels=256,
        scale=20.0,
        loss_align=dict(
            type=PrototypeAlignmentLoss,
            mask_source='prediction',
            loss_weight=1.0)),
    channels_last=True,
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))

load = [
    dict(type=LoadOrientedImage),
    dict(type=LoadAnnotations),
    dict(type=EpisodeLabels)
]
pack = dict(type=PackEpisodeInputs)
pipeline = [*load, pack]
train_pipeline = [*load, dict(type=RandomFlip, prob=0.5), pack]
test_pipeline = [dict(type=LoadImageFromFile), dict(type=PackSegInputs)]

data_root = 'data/toy'
fold = 0
source = dict(
    type=EpisodicDataset,
    num_ways=1,
    num_shots=1,
    folds='toy-3i',
    fold=fold,
    pools=dict(
        train=dict(
            type=ToyDataset,
            data_root=data_root,
            ann_file='ImageSets/Segmentation/train.txt'),
        val=dict(
            type=ToyDataset,
            data_root=data_root,
            ann_file='ImageSets/Segmentation/val.txt')),
    min_area=0.02)
common = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type=episode_collate))
train_dataloader = dict(
    **common,
    sampler=dict(type=InfiniteSampler, shuffle=False),
    dataset=dict(
        **source,
        pool='train',
        split='base',
        num_episodes=1000000,
        episodes_seed=0,
        support_pipeline=train_pipeline,
        query_pipeline=train_pipeline))
val_dataloader = dict(
    **common,
    sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(
        **source,
        pool='val',
        split='base',
        num_episodes=100,
        episodes_seed=4321,
        support_pipeline=pipeline,
        query_pipeline=pipeline))
test_dataloader = dict(
    **common,
    sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(
        **source,
        pool='val',
        split='novel',
        num_episodes=500,
        num_runs=1,
        episodes_seed=1234,
        support_pipeline=pipeline,
        query_pipeline=pipeline))
val_evaluator = dict(type=FewShotIoUMetric)
test_evaluator = val_evaluator

train_cfg = dict(type=FewShotTrainLoop, max_iters=800, val_interval=400)
val_cfg = dict(type=ValLoop)
test_cfg = dict(type=FewShotTestLoop)
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=Adam, lr=5e-4))
param_scheduler = [
    dict(type=LinearLR, start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type=PolyLR, power=0.9, eta_min=1e-5, by_epoch=False, begin=20,
         end=800)
]
default_hooks.update(checkpoint=dict(
    type='CheckpointHook', by_epoch=False, interval=400, max_keep_ckpts=3))
