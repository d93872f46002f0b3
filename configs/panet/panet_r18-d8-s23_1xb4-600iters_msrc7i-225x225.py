# PANet on the joined features of stages 2 and 3, see
# ../_base_/models/panet_r18-d8-s23.py.
_base_ = './panet_r18-d8_1xb4-600iters_msrc7i-225x225.py'
model = dict(
    backbone=dict(out_indices=(1, 2)),
    decode_head=dict(
        in_channels=(128, 256),
        in_index=(0, 1),
        input_transform='resize_concat'))
