# As panet_r50-d8_pascal5i.py, on ResNet-101.
_base_ = './panet_r50-d8_pascal5i.py'
pretrained = 'torchvision://resnet101'
model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint=pretrained)))
