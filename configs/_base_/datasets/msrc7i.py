# MSRC-7i: photographs of about 320x213. Id 0 is not used, and void is 255.
_base_ = './episodes.py'
data_root = 'data/msrc_v2'
fold = 0
# This is about three quarters of the pixels of an image. It is a multiple of 8
# plus 1, so that the corners of the feature map fall on pixels.
scale = (225, 225)

resize = dict(type='Resize', scale=scale, keep_ratio=False)
train_pipeline = [
    *_base_.load,
    # Crops show 40 to 100% of the image, as there are only 591 photographs.
    dict(
        type='RandomResize',
        scale=scale,
        ratio_range=(1.0, 1.6),
        keep_ratio=False),
    dict(type='RandomCrop', crop_size=scale),
    _base_.flip,
    _base_.pack
]
support_pipeline = [*_base_.load, resize, _base_.pack]
query_pipeline = [_base_.load[0], resize, *_base_.load[1:], _base_.pack]
test_pipeline = [_base_.load_alone, resize, _base_.pack_image]

dataset = dict(
    type='MSRCDataset',
    data_root=data_root,
    data_prefix=dict(
        img_path='JPEGImages', seg_map_path='SegmentationClass'))
source = dict(
    # Both pools have the same photographs. Only the classes separate them.
    pools=dict(train=dataset, val=dataset),
    folds='msrc-7i',
    fold=fold,
    # An image is used for a class that covers at least 2% of it.
    min_area=0.02)
train_dataloader = dict(
    num_workers=2,
    dataset=dict(
        **source,
        pool='train',
        split='base',
        support_pipeline=train_pipeline,
        query_pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        **source,
        pool='val',
        # Base classes: the novel classes stay unseen until the test.
        split='base',
        num_episodes=100,
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
test_dataloader = dict(
    num_workers=2,
    dataset=dict(
        **source,
        pool='val',
        split='novel',
        num_episodes=200,
        num_runs=5,
        episodes_seed=1234,
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
test_evaluator = _base_.val_evaluator
