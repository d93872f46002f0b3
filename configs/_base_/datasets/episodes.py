# The common part of all data sets: the loading of the images, the pipelines at
# 473x473, the data loaders and the number of episodes. The config of a data
# set adds its images and classes, and overrides what differs.
num_ways = 1
num_shots = 1
scale = (473, 473)

load = [
    dict(type='LoadOrientedImage'),
    dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels')
]
# mmseg's inferencer looks for this loader by its name.
load_alone = dict(type='LoadImageFromFile')
resize = dict(type='Resize', scale=scale, keep_ratio=False)
flip = dict(type='RandomFlip', prob=0.5)
pack = dict(type='PackEpisodeInputs')
pack_image = dict(type='PackSegInputs')
train_pipeline = [
    *load,
    flip,
    # The preprocessor pads images that are smaller than the crop.
    dict(type='RandomCrop', crop_size=scale),
    pack
]
support_pipeline = [*load, resize, pack]
# Masks are loaded after the resize. The ground truth therefore keeps its size,
# at which predictions are scored.
query_pipeline = [load[0], resize, *load[1:], pack]
# The same transforms for a single image without a mask, for the tools of mmseg
# and `inference_model`.
test_pipeline = [load_alone, resize, pack_image]

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
        # No schedule needs as many, so that no episode is repeated.
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
        # The protocol or the data set sets the number and the rules of the
        # episodes.
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
val_evaluator = dict(type='FewShotIoUMetric')
