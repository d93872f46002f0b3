# EVA-02 ViT-S/14, the last layer.
_base_ = './panet_r50-d8.py'
pretrained = 'https://mmassets.onedl.ai/mmpretrain/v1.0/eva02/eva02-small-p14_pre_in21k_20230505-3175f463.pth'  # noqa: E501
model = dict(
    data_preprocessor=dict(
        # The statistics of CLIP's images.
        mean=[122.7709383, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321375, 70.32316305],
        test_cfg=dict(size_divisor=14)),
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ViTEVA02',
        arch='small',
        # The size of the images that the position embedding was trained with.
        img_size=224,
        patch_size=14,
        # The weights have no norm layer after the last layer ...
        final_norm=False,
        out_type='featmap',
        init_cfg=dict(
            type='Pretrained', checkpoint=pretrained, prefix='backbone.')),
    # ... so the head normalises each cell, as it does with a list of levels.
    decode_head=dict(in_channels=[384], in_index=[0]))
