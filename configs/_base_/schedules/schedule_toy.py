# This schedule takes random weights to a useful embedding in a few minutes on
# two cores.
train_cfg = dict(type='FewShotTrainLoop', max_iters=800, val_interval=400)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='FewShotTestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = [
    # The gradient of the cosine is steep. Without a warm-up, the first steps
    # would scatter the features.
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=20),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, by_epoch=False, begin=20,
         end=800)
]
