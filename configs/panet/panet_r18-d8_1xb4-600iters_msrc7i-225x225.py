# ResNet-18 with ImageNet weights on MSRC-7i. It trains on a CPU in about ten
# minutes.
_base_ = [
    '../_base_/models/panet_r18-d8.py',
    '../_base_/datasets/msrc7i.py',
    '../_base_/schedules/schedule_600iters.py',
    '../_base_/default_runtime.py'
]
model = dict(
    data_preprocessor=dict(size=(225, 225)),
    # With 10 instead of 20, the softmax saturates later, and so the gradient
    # vanishes later.
    decode_head=dict(scale=10.0))
default_hooks = dict(checkpoint=dict(interval=_base_.steps))
