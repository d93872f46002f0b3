# Where the backbone's weights come from; a file of tools/convert_backbone.py
# does as well.
pretrained = 'torchvision://vgg16'
model = dict(
    type='FewShotSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        # ImageNet's, as the weights expect.
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255),
    backbone=dict(
        type='DilatedVGG',
        init_cfg=dict(type='Pretrained', checkpoint=pretrained)),
    decode_head=dict(
        type='PANetHead',
        in_channels=512,
        scale=20.0,
        loss_align=dict(
            type='PrototypeAlignmentLoss',
            mask_source='prediction',
            loss_weight=1.0)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
