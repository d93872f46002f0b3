# mmseg's own ResNet-50 at output stride 8. Its features end with a ReLU and
# are never negative; those of DilatedResNet, in panet_r50-d8.py, may be.
_base_ = './panet_r50-d8.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=50,
        # The weights of stage 4 are left out.
        num_stages=3,
        strides=(1, 2, 1),
        dilations=(1, 1, 2),
        out_indices=(2, ),
        contract_dilation=True,
        # BatchNorm is frozen; mmseg's SyncBN needs several GPUs.
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        frozen_stages=1,
        init_cfg=dict(type='Pretrained', checkpoint=_base_.pretrained)))
