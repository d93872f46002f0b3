# MSRC-7i at 224x224, a multiple of patches of 14 and 16 pixels.
_base_ = './msrc7i.py'
scale = (224, 224)
resize = dict(type='Resize', scale=scale, keep_ratio=False)
train_pipeline = [
    *_base_.load,
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
train_dataloader = dict(dataset=dict(
    support_pipeline=train_pipeline, query_pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(
    support_pipeline=support_pipeline, query_pipeline=query_pipeline))
test_dataloader = val_dataloader
