# DINOv3 ConvNeXt-T by timm, stage 3. Its weights are under Meta's DINOv3
# License, which has to be accepted:
# https://ai.meta.com/resources/models-and-libraries/dinov3-license/
_base_ = './panet_dinov3-vit-s-p16.py'
model = dict(
    backbone=dict(
        model_name='convnext_tiny.dinov3_lvd1689m',
        out_indices=(2, )))
