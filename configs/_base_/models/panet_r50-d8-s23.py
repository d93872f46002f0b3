# PANet on ResNet-50, with the same stages as in panet_r18-d8-s23.py.
_base_ = './panet_r50-d8.py'
model = dict(
    backbone=dict(out_indices=(1, 2)),
    decode_head=dict(
        in_channels=(512, 1024),
        in_index=(0, 1),
        input_transform='resize_concat'))
