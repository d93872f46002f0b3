# DINOv3 ViT-S/16 by timm, the last layer. Its weights are under Meta's DINOv3
# License, which has to be accepted:
# https://ai.meta.com/resources/models-and-libraries/dinov3-license/
_base_ = './panet_r50-d8.py'
model = dict(
    data_preprocessor=dict(test_cfg=dict(size_divisor=16)),
    backbone=dict(
        _delete_=True,
        type='TIMMBackbone',
        model_name='vit_small_patch16_dinov3.lvd1689m',
        # timm itself loads the weights.
        pretrained=True,
        features_only=True,
        out_indices=(11, )),
    # timm does not apply the last norm layer. With a list of levels, the head
    # normalises each cell.
    decode_head=dict(in_channels=[384], in_index=[0]))
