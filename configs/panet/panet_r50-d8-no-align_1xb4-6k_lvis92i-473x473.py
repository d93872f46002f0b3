# The recipe of panet_r50-d8-no-align_1xb4-6k_pascal5i-473x473.py on LVIS-92i.
_base_ = [
    '../_base_/models/panet_r50-d8.py',
    '../_base_/datasets/lvis92i.py',
    '../_base_/schedules/schedule_6k.py',
    '../_base_/protocols/modern.py',
    '../_base_/default_runtime.py'
]
# These are the rules of the protocol `modern`; --protocol selects another one.
train_dataloader = dict(dataset=_base_.protocol.train)
test_dataloader = dict(dataset=_base_.protocol.test)
test_evaluator = _base_.protocol.evaluator
model = dict(
    test_cfg=_base_.protocol.test_cfg,
    data_preprocessor=dict(size=(473, 473)),
    # BatchNorm is frozen: neither statistics nor affine weights change.
    backbone=dict(norm_cfg=dict(type='BN', requires_grad=False)),
    decode_head=dict(scale=10.0, loss_align=None))
