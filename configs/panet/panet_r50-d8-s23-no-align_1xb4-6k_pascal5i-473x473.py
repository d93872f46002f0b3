# PANet on the joined features of stages 2 and 3, see
# ../_base_/models/panet_r18-d8-s23.py.
_base_ = './panet_r50-d8-no-align_1xb4-6k_pascal5i-473x473.py'
model = dict(
    backbone=dict(out_indices=(1, 2)),
    decode_head=dict(
        in_channels=(512, 1024),
        in_index=(0, 1),
        input_transform='resize_concat'))
