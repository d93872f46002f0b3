# ResNeSt-50 on MSRC-7i.
_base_ = [
    '../_base_/models/panet_resnest50-d8.py',
    '../_base_/datasets/msrc7i.py',
    '../_base_/schedules/schedule_600iters.py',
    '../_base_/default_runtime.py'
]
model = dict(
    data_preprocessor=dict(size=(225, 225)),
    decode_head=dict(scale=10.0))
default_hooks = dict(checkpoint=dict(interval=_base_.steps))
