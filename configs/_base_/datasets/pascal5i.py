# PASCAL-5i: VOC 2012 with the masks of SBD, as `tools/prepare_data.py
# pascal-5i data` builds it. Pool 'train' is VOC train and SBD train_noval
# (5,953 images), pool 'val' VOC val (1,449).
data_root = 'data/VOCdevkit/VOC2012'
fold = 0
num_ways = 1
num_shots = 1
scale = (473, 473)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'),
    dict(type='RandomFlip', prob=0.5),
    # The preprocessor pads what is smaller than the crop.
    dict(type='RandomCrop', crop_size=scale),
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
train_set = dict(
    type='PascalVOCDataset',
    data_root=data_root,
    ann_file='ImageSets/Segmentation/pascal5i_train.txt',
    data_prefix=dict(
        img_path='JPEGImages', seg_map_path='SegmentationClassAug'))
val_set = dict(
    type='PascalVOCDataset',
    data_root=data_root,
    ann_file='ImageSets/Segmentation/val.txt',
    data_prefix=dict(
        img_path='JPEGImages', seg_map_path='SegmentationClass'))
episodes = dict(
    type='EpisodicDataset',
    folds='pascal-5i',
    fold=fold,
    pools=dict(train=train_set, val=val_set),
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
        split='novel',
        # How many, and by which rules, the config's protocol says.
        support_pipeline=support_pipeline,
        query_pipeline=query_pipeline))
val_evaluator = dict(type='FewShotIoUMetric')
