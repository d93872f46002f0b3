# FSS-1000: a folder for each class with 10 images of 224x224, and the lists of
# classes that `mmseg-panet prepare-data fss-1000 data/fss1000` checks or
# writes: 520 for the training, 240 for the validation, 240 for the test.
_base_ = './episodes.py'
data_root = 'data/fss1000'

load = [
    dict(type='LoadOrientedImage'),
    dict(type='LoadFSSAnnotations'),
    dict(type='EpisodeLabels')
]
# The images are smaller than a crop, so they are resized.
train_pipeline = [*load, _base_.resize, _base_.flip, _base_.pack]
support_pipeline = [*load, _base_.resize, _base_.pack]
query_pipeline = [load[0], _base_.resize, *load[1:], _base_.pack]

train_set = dict(
    type='FSSDataset', data_root=data_root, ann_file='trn.txt')
val_set = dict(type='FSSDataset', data_root=data_root, ann_file='val.txt')
test_set = dict(type='FSSDataset', data_root=data_root, ann_file='test.txt')
source = dict(
    # No class is in two lists.
    classes='all',
    # Protocols test on the pool 'val', which has the test list here.
    pools=dict(train=train_set, val=test_set))
train_dataloader = dict(dataset=dict(
    **source,
    pool='train',
    support_pipeline=train_pipeline,
    query_pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(
    **source,
    dataset=val_set,
    support_pipeline=support_pipeline,
    query_pipeline=query_pipeline))
test_dataloader = dict(dataset=dict(
    **source,
    pool='val',
    support_pipeline=support_pipeline,
    query_pipeline=query_pipeline))
