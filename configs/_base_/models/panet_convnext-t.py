# ConvNeXt-T, stage 3. mmseg has no ConvNeXt of its own: its configs use that
# of mmpretrain, with these weights.
_base_ = './panet_r50-d8.py'
pretrained = 'https://mmassets.onedl.ai/mmclassification/v0/convnext/downstream/convnext-tiny_3rdparty_32xb128-noema_in1k_20220301-795e9634.pth'  # noqa: E501
model = dict(
    # The cells of stage 3 are 16 pixels wide.
    data_preprocessor=dict(test_cfg=dict(size_divisor=16)),
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ConvNeXt',
        # Stage 4 is left out.
        arch=dict(depths=(3, 3, 9), channels=(96, 192, 384)),
        out_indices=(2, ),
        # Otherwise, the output is the mean over the image.
        gap_before_final_norm=False,
        # The weights contain the scales of the layers.
        layer_scale_init_value=1.0,
        init_cfg=dict(
            type='Pretrained', checkpoint=pretrained, prefix='backbone.')),
    decode_head=dict(in_channels=384))
