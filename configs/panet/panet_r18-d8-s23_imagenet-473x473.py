# For your own photographs, without training and without a data set: ResNet-18
# with the ImageNet weights of torchvision, and the features of stages 2 and 3.
_base_ = [
    '../_base_/models/panet_r18-d8-s23.py',
    '../_base_/datasets/photographs.py',
    '../_base_/default_runtime.py'
]
model = dict(
    # Without training, the network must compute the same as on ImageNet.
    backbone=dict(dilate_both=True),
    # No loss is needed without training.
    decode_head=dict(loss_align=None))
