# For your own photographs, without training and without a data set:
# DINOv2 ViT-S/14.
_base_ = [
    '../_base_/models/panet_dinov2-s-p14.py',
    '../_base_/datasets/photographs_448.py',
    '../_base_/default_runtime.py'
]
custom_imports = dict(imports=['mmseg_panet', 'mmpretrain.models'])
# No loss is needed without training.
model = dict(decode_head=dict(loss_align=None))
