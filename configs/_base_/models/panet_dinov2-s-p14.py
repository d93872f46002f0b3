# DINOv2 ViT-S/14, the last layer.
_base_ = './panet_r50-d8.py'
pretrained = 'https://mmassets.onedl.ai/mmpretrain/v1.0/dinov2/vit-small-p14_dinov2-pre_3rdparty_20230426-5641ca5a.pth'  # noqa: E501
model = dict(
    # Other images are padded to complete patches.
    data_preprocessor=dict(test_cfg=dict(size_divisor=14)),
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch='dinov2-small',
        # The size of the images that the position embedding was trained with;
        # for other images, it is interpolated.
        img_size=518,
        patch_size=14,
        layer_scale_init_value=1e-5,
        out_type='featmap',
        init_cfg=dict(
            type='Pretrained', checkpoint=pretrained, prefix='backbone.')),
    decode_head=dict(in_channels=384))
