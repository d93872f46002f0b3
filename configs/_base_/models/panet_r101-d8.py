_base_ = './panet_r50-d8.py'
pretrained = 'torchvision://resnet101'
model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint=pretrained)))
