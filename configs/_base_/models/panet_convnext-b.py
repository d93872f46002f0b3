# ConvNeXt-B with mmpretrain's weights of ImageNet-21k, stage 3.
_base_ = './panet_convnext-t.py'
pretrained = 'https://mmassets.onedl.ai/mmclassification/v0/convnext/convnext-base_3rdparty_in21k_20220124-13b83eec.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch=dict(depths=(3, 3, 27), channels=(128, 256, 512)),
        init_cfg=dict(checkpoint=pretrained)),
    decode_head=dict(in_channels=512))
