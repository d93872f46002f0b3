# For your own photographs, without training and without a data set: ResNet-50
# with the ImageNet weights of torchvision, and the features of stages 2 and 3.
_base_ = [
    '../_base_/models/panet_r50-d8-s23.py',
    '../_base_/datasets/photographs.py',
    '../_base_/default_runtime.py'
]
# No loss is needed without training.
model = dict(decode_head=dict(loss_align=None))
