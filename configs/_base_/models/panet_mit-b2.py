# MiT-B2, the backbone of SegFormer, stage 3. Its patches overlap.
_base_ = './panet_r50-d8.py'
pretrained = 'https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segformer/mit_b2_20220624-66e8bf70.pth'  # noqa: E501
model = dict(
    backbone=dict(
        _delete_=True,
        type='MixVisionTransformer',
        embed_dims=64,
        # Stage 4 is left out.
        num_stages=3,
        num_layers=(3, 4, 6),
        num_heads=(1, 2, 5),
        patch_sizes=(7, 3, 3),
        strides=(4, 2, 2),
        sr_ratios=(8, 4, 2),
        out_indices=(2, ),
        mlp_ratio=4,
        qkv_bias=True,
        drop_path_rate=0.0,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained)),
    decode_head=dict(in_channels=320))
