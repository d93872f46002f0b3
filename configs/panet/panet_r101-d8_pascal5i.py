# As panet_r50-d8_pascal5i.py, on ResNet-101.
_base_ = [
    '../_base_/models/panet_r101-d8.py',
    '../_base_/datasets/pascal5i.py',
    '../_base_/schedules/schedule_6k.py',
    '../_base_/default_runtime.py'
]
model = dict(
    data_preprocessor=dict(size=(473, 473)),
    decode_head=dict(scale=10.0, loss_align=None))
