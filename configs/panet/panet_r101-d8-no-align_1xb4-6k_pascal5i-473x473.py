# The recipe for ResNet-50 on ResNet-101.
_base_ = './panet_r50-d8-no-align_1xb4-6k_pascal5i-473x473.py'
pretrained = 'torchvision://resnet101'
model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint=pretrained)))
