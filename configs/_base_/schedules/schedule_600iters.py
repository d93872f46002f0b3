# A short schedule for MSRC-7i.
steps = 600
train_cfg = dict(
    type='FewShotTrainLoop', max_iters=steps, val_interval=steps)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='FewShotTestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=2e-3, momentum=0.9, weight_decay=5e-4))
param_scheduler = [
    # The warm-up is needed because the first losses are large.
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False, begin=0,
         end=steps)
]
