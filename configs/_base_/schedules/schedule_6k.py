# The best recipe that is reported for a PANet on ResNet-50, see
# panet/panet_r50-d8-no-align_1xb4-6k_pascal5i-473x473.py: 6,000 steps; the
# learning rate is multiplied by 0.1 after 1/3 and 2/3 of them.
train_cfg = dict(type='FewShotTrainLoop', max_iters=6000, val_interval=2000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='FewShotTestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4))
param_scheduler = dict(
    type='MultiStepLR', milestones=[2000, 4000], gamma=0.1, by_epoch=False)
