# The config of the demo: ResNet-18 from random weights on generated images.
_base_ = [
    '../_base_/models/panet_r18-d8.py',
    '../_base_/datasets/toy.py',
    '../_base_/schedules/schedule_toy.py',
    '../_base_/default_runtime.py'
]
pretrained = None
model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(
        # As the weights are random, all of them are trained, and BatchNorm
        # has no statistics yet.
        init_cfg=None, frozen_stages=-1, norm_eval=False))
default_hooks = dict(checkpoint=dict(interval=400))
