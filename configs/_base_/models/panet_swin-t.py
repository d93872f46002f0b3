# mmseg's Swin-T, stage 3.
_base_ = './panet_r50-d8.py'
pretrained = 'https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/swin/swin_tiny_patch4_window7_224_20220317-1cdeb081.pth'  # noqa: E501
model = dict(
    # The cells of stage 3 are 16 pixels wide.
    data_preprocessor=dict(test_cfg=dict(size_divisor=16)),
    backbone=dict(
        _delete_=True,
        type='SwinTransformer',
        embed_dims=96,
        # Stage 4 is left out.
        depths=(2, 2, 6),
        num_heads=(3, 6, 12),
        strides=(4, 2, 2),
        window_size=7,
        # Classifiers have no norm layer after stage 3, so its weights are 1
        # and its biases 0 at the start.
        out_indices=(2, ),
        drop_path_rate=0.0,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained)),
    decode_head=dict(in_channels=384))
