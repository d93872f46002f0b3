# DINOv2 ViT-L/14, the last layer.
_base_ = './panet_dinov2-s-p14.py'
pretrained = 'https://mmassets.onedl.ai/mmpretrain/v1.0/dinov2/vit-large-p14_dinov2-pre_3rdparty_20230426-f3302d9e.pth'  # noqa: E501
model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint=pretrained)),
    decode_head=dict(in_channels=1024))
