# What tools/make_toy_dataset.py draws: 128x128, id 0 is background.
data_root = 'data/toy'
fold = 0
num_ways = 1
num_shots = 1

pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'),
    dict(type='PackEpisodeInputs')
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackEpisodeInputs')
]
train_set = dict(
    type='ToyDataset',
    data_root=data_root,
    ann_file='ImageSets/Segmentation/train.txt')
val_set = dict(
    type='ToyDataset',
    data_root=data_root,
    ann_file='ImageSets/Segmentation/val.txt')
episodes = dict(
    type='EpisodicDataset',
    folds='toy-3i',
    fold=fold,
    pools=dict(train=train_set, val=val_set),
    num_ways=num_ways,
    num_shots=num_shots,
    # An object smaller than this is less than a cell or two of the features.
    min_area=0.02)
loader = dict(
    batch_size=4,
    num_workers=1,
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
        support_pipeline=pipeline,
        query_pipeline=pipeline))
test_dataloader = dict(
    **loader,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **episodes,
        pool='val',
        split='novel',
        num_episodes=500,
        num_runs=1,
        episodes_seed=1234,
        support_pipeline=pipeline,
        query_pipeline=pipeline))
val_evaluator = dict(type='FewShotIoUMetric')
test_evaluator = val_evaluator
