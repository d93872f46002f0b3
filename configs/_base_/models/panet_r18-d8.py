_base_ = './panet_r50-d8.py'
pretrained = 'torchvision://resnet18'
model = dict(
    backbone=dict(depth=18, init_cfg=dict(checkpoint=pretrained)),
    decode_head=dict(in_channels=256))
