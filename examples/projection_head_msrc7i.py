# The head of projection_head.py on MSRC-7i; run with PYTHONPATH=examples.
_base_ = '../configs/panet/panet_r18-d8_1xb4-600iters_msrc7i-225x225.py'
custom_imports = dict(
    imports=['mmseg_panet', 'projection_head'], allow_failed_imports=False)
steps = 300
model = dict(decode_head=dict(type='ProjectionHead', channels=128))
optim_wrapper = dict(
    # The projection starts from random weights, the backbone does not.
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10))))
train_cfg = dict(max_iters=steps, val_interval=steps)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False, begin=0,
         end=steps)
]
default_hooks = dict(checkpoint=dict(interval=steps))
