# PANet, section 4.1: 30,000 steps; the learning rate is multiplied by 0.1
# every 10,000 steps.
train_cfg = dict(
    type='FewShotTrainLoop', max_iters=30000, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='FewShotTestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4))
param_scheduler = dict(
    type='MultiStepLR', milestones=[10000, 20000], gamma=0.1, by_epoch=False)
