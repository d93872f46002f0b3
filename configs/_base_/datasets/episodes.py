# What all data sets share: the loading of the images, the pipelines at
# 473x473, the loaders, and how many episodes there are. The file of a data set
# says which images and classes they are of, and what it does differently.
num_ways = 1
num_shots = 1
scale = (473, 473)

load = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels')
]
resize = dict(type='Resize', scale=scale, keep_ratio=False)
flip = dict(type='RandomFlip', prob=0.5)
pack = dict(type='PackEpisodeInputs')
train_pipeline = [
    *load,
    flip,
    # The preprocessor pads what is smaller than the crop.
    dict(type='RandomCrop', crop_size=scale),
    pack
]
support_pipeline = [*load, resize, pack]
# Masks after the resize: ground truth stays at its own size and is scored
# there.
query_pipeline = [load[0], resize, *load[1:], pack]

episodic = dict(
    type='EpisodicDataset', num_ways=num_ways, num_shots=num_shots)
common = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type='episode_collate'))
train_dataloader = dict(
    **common,
    sampler=dict(type='InfiniteSampler', shuffle=False),
    dataset=dict(
        **episodic,
        # More than any schedule asks for: no episode is met twice.
        num_episodes=1000000,
        episodes_seed=0,
        support_pipeline=train_pipeline,
        query_pipeline=train_pipeline))
val_dataloader = dict(
    **common,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **episodic,
        num_episodes=200,
        episodes_seed=4321,
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
test_dataloader = dict(
    **common,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **episodic,
        # How many, and by which rules, the protocol or the data set says.
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
val_evaluator = dict(type='FewShotIoUMetric')
