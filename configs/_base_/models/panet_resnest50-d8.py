# ResNeSt-50 at output stride 8, stage 3.
_base_ = './panet_resnet50-d8.py'
pretrained = 'open-mmlab://resnest50'
model = dict(
    backbone=dict(
        type='ResNeSt',
        stem_channels=64,
        radix=2,
        reduction_factor=4,
        avg_down_stride=True,
        init_cfg=dict(checkpoint=pretrained)))
