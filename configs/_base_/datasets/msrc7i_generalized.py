# MSRC-7i for generalized few-shot segmentation. Base classes are trained, and
# supports are sampled, on every second photograph; the others are segmented.
_base_ = './msrc7i.py'
fold = 0
num_shots = 1
# Crops of half the area take half the time of the complete photograph.
crop = (161, 161)
train_pipeline = [
    *_base_.train_pipeline[:4],
    dict(type='RandomCrop', crop_size=crop),
    *_base_.train_pipeline[5:]
]
train_set = dict(_base_.dataset, indices=list(range(0, 591, 2)))
val_set = dict(_base_.dataset, indices=list(range(1, 591, 2)))
pools = dict(train=train_set, val=val_set)
# If pixels of novel classes were background in the training, the background
# would resemble the novel classes of the test (docs/generalized.md).
novel_pixels = 'ignore'
closed_set = dict(
    _delete_=True,
    type='ClosedSetDataset',
    pools=pools,
    folds='msrc-7i',
    fold=fold,
    split='base',
    novel_pixels=novel_pixels)
train_dataloader = dict(
    batch_size=8,
    collate_fn=dict(type='pseudo_collate'),
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        **closed_set, pool='train', pipeline=train_pipeline))
val_dataloader = dict(
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        **closed_set, pool='val', pipeline=_base_.query_pipeline))
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='GeneralizedDataset',
        pools=pools,
        folds='msrc-7i',
        fold=fold,
        num_shots=num_shots,
        num_runs=5,
        episodes_seed=1234,
        min_area=0.02,
        novel_pixels=novel_pixels,
        support_pipeline=_base_.support_pipeline,
        query_pipeline=_base_.query_pipeline))
test_evaluator = dict(type='GeneralizedIoUMetric')
