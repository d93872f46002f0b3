# A closed-set ResNet-18 on the base classes of MSRC-7i, whose test adds the
# novel classes. It trains on a CPU in a few minutes.
_base_ = [
    '../_base_/models/generalized_r18-d8.py',
    '../_base_/datasets/msrc7i_generalized.py',
    '../_base_/default_runtime.py'
]
steps = 120
model = dict(data_preprocessor=dict(size=_base_.crop))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=steps,
                 val_interval=10**6)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='GeneralizedTestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    # At 1e-2, the training diverges, as BatchNorm is in evaluation mode.
    optimizer=dict(type='SGD', lr=2e-3, momentum=0.9, weight_decay=5e-4),
    # The last layer starts from random weights.
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=20))))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False, begin=0,
         end=steps)
]
default_hooks = dict(
    checkpoint=dict(interval=steps),
    # There are no episodes to plot.
    visualization=dict(_delete_=True, type='SegVisualizationHook'))
