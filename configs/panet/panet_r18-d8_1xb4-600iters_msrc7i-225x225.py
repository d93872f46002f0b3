# ResNet-18 with ImageNet weights on MSRC-7i. It trains on a CPU in about ten
# minutes.
_base_ = [
    '../_base_/models/panet_r18-d8.py',
    '../_base_/datasets/msrc7i.py',
    '../_base_/default_runtime.py'
]
steps = 600
model = dict(
    data_preprocessor=dict(size=(225, 225)),
    # With 10 instead of 20, the softmax saturates later, and so the gradient
    # vanishes later.
    decode_head=dict(scale=10.0))
train_cfg = dict(
    type='FewShotTrainLoop', max_iters=steps, val_interval=steps)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='FewShotTestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=2e-3, momentum=0.9, weight_decay=5e-4))
param_scheduler = [
    # The warm-up is needed because the first losses are large.
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False, begin=0,
         end=steps)
]
default_hooks = dict(checkpoint=dict(interval=steps))
