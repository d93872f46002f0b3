# The weights of the backbone. They can also be a file of
# `mmseg-panet convert-backbone`.
pretrained = 'torchvision://resnet50'
model = dict(
    type='FewShotSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        # The statistics of ImageNet, which the weights expect.
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255),
    backbone=dict(
        type='DilatedResNet',
        depth=50,
        # Batches of a few episodes are too small for batch statistics.
        norm_eval=True,
        frozen_stages=1,
        init_cfg=dict(type='Pretrained', checkpoint=pretrained)),
    decode_head=dict(
        type='PANetHead',
        in_channels=1024,
        scale=20.0,
        loss_align=dict(
            type='PrototypeAlignmentLoss',
            mask_source='prediction',
            loss_weight=1.0)),
    # With adjacent channels in memory, convolutions run faster on CPUs
    # (ResNet-18 with AVX2: 4% in training, 15% in tests) and on tensor cores.
    channels_last=True,
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
