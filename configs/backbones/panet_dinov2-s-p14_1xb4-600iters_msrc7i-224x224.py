# DINOv2 ViT-S/14 on MSRC-7i.
_base_ = [
    '../_base_/models/panet_dinov2-s-p14.py',
    '../_base_/datasets/msrc7i_224.py',
    '../_base_/schedules/schedule_600iters_adamw.py',
    '../_base_/default_runtime.py'
]
custom_imports = dict(imports=['mmseg_panet', 'mmpretrain.models'])
model = dict(
    data_preprocessor=dict(size=(224, 224)),
    decode_head=dict(scale=10.0))
default_hooks = dict(checkpoint=dict(interval=_base_.steps))
