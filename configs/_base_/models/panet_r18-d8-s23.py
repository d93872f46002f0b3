# PANet on the features of stages 2 and 3 (layer2 and layer3 of torchvision),
# which are normalised and then joined.
_base_ = './panet_r18-d8.py'
model = dict(
    backbone=dict(out_indices=(1, 2)),
    # in_index is an index into out_indices.
    decode_head=dict(
        in_channels=(128, 256),
        in_index=(0, 1),
        input_transform='resize_concat'))
