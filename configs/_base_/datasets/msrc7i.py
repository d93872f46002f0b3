# MSRC-7i: real photographs of about 320x213; id 0 is not used, void is 255.
data_root = 'data/msrc_v2'
fold = 0
num_ways = 1
num_shots = 1
# About three quarters of an image's pixels; a multiple of 8 plus 1, so that
# the feature map's corners fall on pixels.
scale = (225, 225)

dataset = dict(
    type='MSRCDataset',
    data_root=data_root,
    data_prefix=dict(
        img_path='JPEGImages', seg_map_path='SegmentationClass'))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'),
    # Crops of 40 to 100% of the image: 591 photographs are few.
    dict(
        type='RandomResize',
        scale=scale,
        ratio_range=(1.0, 1.6),
        keep_ratio=False),
    dict(type='RandomCrop', crop_size=scale),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackEpisodeInputs')
]
support_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'),
    dict(type='Resize', scale=scale, keep_ratio=False),
    dict(type='PackEpisodeInputs')
]
query_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=False),
    # After the resize: truth stays at its own size and is scored there.
    dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'),
    dict(type='PackEpisodeInputs')
]
episodes = dict(
    type='EpisodicDataset',
    # One list of photographs for both: the classes keep them apart.
    pools=dict(train=dataset, val=dataset),
    folds='msrc-7i',
    fold=fold,
    num_ways=num_ways,
    num_shots=num_shots,
    # A class counts where it covers at least 2% of the image.
    min_area=0.02)
loader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type='episode_collate'))
train_dataloader = dict(
    **loader,
    sampler=dict(type='InfiniteSampler', shuffle=False),
    dataset=dict(
        **episodes,
        pool='train',
        split='base',
        # More than any schedule asks for: no episode is met twice.
        num_episodes=1000000,
        episodes_seed=0,
        support_pipeline=train_pipeline,
        query_pipeline=train_pipeline))
val_dataloader = dict(
    **loader,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **episodes,
        pool='val',
        # Of the base classes: the novel ones stay unseen until the test.
        split='base',
        num_episodes=100,
        episodes_seed=4321,
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
test_dataloader = dict(
    **loader,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **episodes,
        pool='val',
        split='novel',
        num_episodes=200,
        num_runs=5,
        episodes_seed=1234,
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
val_evaluator = dict(type='FewShotIoUMetric')
test_evaluator = val_evaluator
