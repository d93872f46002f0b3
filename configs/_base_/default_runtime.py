default_scope = 'mmseg'
# A failed import must stop the run, not leave the registries empty.
custom_imports = dict(imports=['mmseg_panet'], allow_failed_imports=False)
env_cfg = dict(
    cudnn_benchmark=False,
    # The workers of the data loaders run in parallel; threads of OpenCV would
    # compete with them.
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
randomness = dict(seed=0)
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    # The window equals the interval of the logger: every step is counted once.
    data_wait=dict(type='DataWaitHook', window=50),
    # A training that diverges stops before it is saved.
    finite_loss=dict(type='FiniteLossHook'),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='CheckpointHook', by_epoch=False, interval=1000,
        max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='EpisodeVisualizationHook', num_pictures=20))
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='FewShotVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(by_epoch=False)
log_level = 'INFO'
load_from = None
resume = False
