# LVIS-92i: label maps of 16 bits of the 1203 classes of LVIS v1, which
# `mmseg-panet prepare-data lvis-92i data/lvis` writes. Pool 'train' is LVIS
# train, pool 'val' is LVIS val.
_base_ = './episodes.py'
data_root = 'data/lvis'
fold = 0

load = [
    dict(type='LoadOrientedImage'),
    # mmseg's LoadAnnotations truncates ids to 8 bits.
    dict(type='LoadWideAnnotations'),
    dict(type='EpisodeLabels')
]
train_pipeline = [
    *load,
    _base_.flip,
    # The preprocessor pads images that are smaller than the crop.
    dict(type='RandomCrop', crop_size=_base_.scale),
    _base_.pack
]
support_pipeline = [*load, _base_.resize, _base_.pack]
query_pipeline = [load[0], _base_.resize, *load[1:], _base_.pack]

train_set = dict(
    type='LVIS92iDataset',
    data_root=data_root,
    ann_file='lvis-92i/train/images.txt',
    classes_file='lvis-92i/train/classes.txt',
    data_prefix=dict(img_path='', seg_map_path='lvis-92i/train/masks'))
val_set = dict(
    type='LVIS92iDataset',
    data_root=data_root,
    ann_file='lvis-92i/val/images.txt',
    classes_file='lvis-92i/val/classes.txt',
    data_prefix=dict(img_path='', seg_map_path='lvis-92i/val/masks'))
source = dict(
    # A line `fold name` for each of 920 classes.
    folds=f'{data_root}/lvis-92i/folds.txt',
    fold=fold,
    pools=dict(train=train_set, val=val_set))
train_dataloader = dict(
    dataset=dict(
        **source,
        pool='train',
        split='base',
        support_pipeline=train_pipeline,
        query_pipeline=train_pipeline))
# Base classes: the novel classes stay unseen until the test.
val_dataloader = dict(
    dataset=dict(
        **source,
        pool='val',
        split='base',
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
test_dataloader = dict(
    dataset=dict(
        **source,
        pool='val',
        split='novel',
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
