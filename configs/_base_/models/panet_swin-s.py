# mmpretrain's Swin-S, stages 3 and 4, which are normalised and then joined.
_base_ = './panet_r50-d8.py'
pretrained = 'https://mmassets.onedl.ai/mmclassification/v0/swin-transformer/convert/swin_small_patch4_window7_224-cc7a01c9.pth'  # noqa: E501
model = dict(
    # The cells of stage 4 are 32 pixels wide.
    data_preprocessor=dict(test_cfg=dict(size_divisor=32)),
    backbone=dict(
        _delete_=True,
        type='mmpretrain.SwinTransformer',
        arch='small',
        out_indices=(2, 3),
        # Otherwise, maps that are smaller than a window of 7x7 cells are
        # refused, which are those of images below 224 pixels.
        pad_small_map=True,
        drop_path_rate=0.0,
        init_cfg=dict(
            type='Pretrained', checkpoint=pretrained, prefix='backbone.')),
    decode_head=dict(
        in_channels=(384, 768),
        in_index=(0, 1),
        input_transform='resize_concat'))
