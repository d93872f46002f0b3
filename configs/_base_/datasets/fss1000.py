# FSS-1000: a folder a class with 10 images of 224x224, and the lists that
# `tools/prepare_data.py fss-1000 data/fss1000` checks or writes: 520 classes
# to train on, 240 for validation, 240 for the test.
data_root = 'data/fss1000'
num_ways = 1
num_shots = 1
scale = (473, 473)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadFSSAnnotations'),
    dict(type='EpisodeLabels'),
    # In place of a crop: the images are smaller than one.
    dict(type='Resize', scale=scale, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackEpisodeInputs')
]
support_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadFSSAnnotations'),
    dict(type='EpisodeLabels'),
    dict(type='Resize', scale=scale, keep_ratio=False),
    dict(type='PackEpisodeInputs')
]
query_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=False),
    # After the resize: truth stays at its own size and is scored there.
    dict(type='LoadFSSAnnotations'),
    dict(type='EpisodeLabels'),
    dict(type='PackEpisodeInputs')
]
train_set = dict(
    type='FSSDataset', data_root=data_root, ann_file='trn.txt')
val_set = dict(type='FSSDataset', data_root=data_root, ann_file='val.txt')
test_set = dict(type='FSSDataset', data_root=data_root, ann_file='test.txt')
episodes = dict(
    type='EpisodicDataset',
    # No class is in two of the lists.
    classes='all',
    # 'val' is where protocols test: here the list of the test.
    pools=dict(train=train_set, val=test_set),
    num_ways=num_ways,
    num_shots=num_shots)
loader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type='episode_collate'))
train_dataloader = dict(
    **loader,
    sampler=dict(type='InfiniteSampler', shuffle=False),
    dataset=dict(
        **episodes,
        pool='train',
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
        dataset=val_set,
        num_episodes=200,
        episodes_seed=4321,
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
test_dataloader = dict(
    **loader,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **episodes,
        pool='val',
        # How many, and by which rules, the config's protocol says.
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
val_evaluator = dict(type='FewShotIoUMetric')
