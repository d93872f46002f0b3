# The images of `mmseg-panet make-toy-data`: 128x128, with background of id 0.
_base_ = './episodes.py'
data_root = 'data/toy'
fold = 0

pipeline = [*_base_.load, _base_.pack]
train_pipeline = [*_base_.load, _base_.flip, _base_.pack]
test_pipeline = [_base_.load_alone, _base_.pack_image]

train_set = dict(
    type='ToyDataset',
    data_root=data_root,
    ann_file='ImageSets/Segmentation/train.txt')
val_set = dict(
    type='ToyDataset',
    data_root=data_root,
    ann_file='ImageSets/Segmentation/val.txt')
source = dict(
    folds='toy-3i',
    fold=fold,
    pools=dict(train=train_set, val=val_set),
    # Smaller objects cover less than one or two cells of the feature map.
    min_area=0.02)
train_dataloader = dict(
    num_workers=1,
    dataset=dict(
        **source,
        pool='train',
        split='base',
        support_pipeline=train_pipeline,
        query_pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        **source,
        pool='val',
        # Base classes: the novel classes stay unseen until the test.
        split='base',
        num_episodes=100,
        support_pipeline=pipeline,
        query_pipeline=pipeline))
test_dataloader = dict(
    num_workers=1,
    dataset=dict(
        **source,
        pool='val',
        split='novel',
        num_episodes=500,
        num_runs=1,
        episodes_seed=1234,
        support_pipeline=pipeline,
        query_pipeline=pipeline))
test_evaluator = _base_.val_evaluator
