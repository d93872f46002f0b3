# The network and the recipe of the paper: 48.1 / 55.7 mIoU at 1 / 5 shots
# (PANet, sections 4.1 and 4.2). It has images of 417x417, one episode per
# step, flips, a scale of 20 and an alignment weight of 1. These scores follow
# the rules of the released code: use --protocol panet in training and test.
_base_ = [
    '../_base_/models/panet_vgg16-d8.py',
    '../_base_/datasets/pascal5i_417.py',
    '../_base_/schedules/schedule_30k.py',
    '../_base_/protocols/modern.py',
    '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=1, dataset=_base_.protocol.train)
test_dataloader = dict(dataset=_base_.protocol.test)
test_evaluator = _base_.protocol.evaluator
model = dict(
    test_cfg=_base_.protocol.test_cfg,
    data_preprocessor=dict(size=(417, 417)))
