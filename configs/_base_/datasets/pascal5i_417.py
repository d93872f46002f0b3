# PASCAL-5i as in PANet: complete images, resized to 417x417 without their
# aspect ratio.
_base_ = './pascal5i.py'
scale = (417, 417)
resize = dict(type='Resize', scale=scale, keep_ratio=False)
train_pipeline = [*_base_.load, resize, _base_.flip, _base_.pack]
support_pipeline = [*_base_.load, resize, _base_.pack]
query_pipeline = [_base_.load[0], resize, *_base_.load[1:], _base_.pack]
test_pipeline = [_base_.load_alone, resize, _base_.pack_image]
train_dataloader = dict(dataset=dict(
    support_pipeline=train_pipeline, query_pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(
    support_pipeline=support_pipeline, query_pipeline=query_pipeline))
test_dataloader = val_dataloader
