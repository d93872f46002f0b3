# HRNet-W18. The head resizes its four branches to the finest one, at output
# stride 4, and joins them.
_base_ = './panet_r50-d8.py'
pretrained = 'open-mmlab://msra/hrnetv2_w18'
model = dict(
    backbone=dict(
        _delete_=True,
        type='HRNet',
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        extra=dict(
            stage1=dict(
                num_modules=1,
                num_branches=1,
                block='BOTTLENECK',
                num_blocks=(4, ),
                num_channels=(64, )),
            stage2=dict(
                num_modules=1,
                num_branches=2,
                block='BASIC',
                num_blocks=(4, 4),
                num_channels=(18, 36)),
            stage3=dict(
                num_modules=4,
                num_branches=3,
                block='BASIC',
                num_blocks=(4, 4, 4),
                num_channels=(18, 36, 72)),
            stage4=dict(
                num_modules=3,
                num_branches=4,
                block='BASIC',
                num_blocks=(4, 4, 4, 4),
                num_channels=(18, 36, 72, 144))),
        init_cfg=dict(type='Pretrained', checkpoint=pretrained)),
    decode_head=dict(
        in_channels=(18, 36, 72, 144),
        in_index=(0, 1, 2, 3),
        input_transform='resize_concat'))
