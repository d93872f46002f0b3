# The image encoder of OpenAI's CLIP ViT-B/16, after a training on ImageNet,
# the last layer.
_base_ = './panet_r50-d8.py'
pretrained = 'https://mmassets.onedl.ai/mmclassification/v0/clip/clip-vit-base-p16_openai-pre_3rdparty_in1k_20221220-c7d9c899.pth'  # noqa: E501
model = dict(
    data_preprocessor=dict(
        # The statistics of CLIP's images.
        mean=[122.7709383, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321375, 70.32316305],
        test_cfg=dict(size_divisor=16)),
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch='base',
        img_size=224,
        patch_size=16,
        # CLIP normalises the patches before the first layer.
        pre_norm=True,
        out_type='featmap',
        init_cfg=dict(
            type='Pretrained', checkpoint=pretrained, prefix='backbone.')),
    decode_head=dict(in_channels=768))
