# DINOv3 ViT-S/16 on MSRC-7i.
_base_ = [
    '../_base_/models/panet_dinov3-vit-s-p16.py',
    '../_base_/datasets/msrc7i_224.py',
    '../_base_/schedules/schedule_600iters_adamw.py',
    '../_base_/default_runtime.py'
]
model = dict(
    data_preprocessor=dict(size=(224, 224)),
    decode_head=dict(scale=10.0))
default_hooks = dict(checkpoint=dict(interval=_base_.steps))
