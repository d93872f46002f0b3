_base_ = './panet_r50-d8.py'
pretrained = 'torchvision://vgg16'
model = dict(
    backbone=dict(
        _delete_=True,
        type='DilatedVGG',
        init_cfg=dict(type='Pretrained', checkpoint=pretrained)),
    decode_head=dict(in_channels=512))
