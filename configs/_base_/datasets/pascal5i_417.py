# PASCAL-5i as PANet sees it: whole images, squashed to 417x417.
_base_ = './pascal5i.py'
scale = (417, 417)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'),
    dict(type='Resize', scale=scale, keep_ratio=False),
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
train_dataloader = dict(dataset=dict(
    support_pipeline=train_pipeline, query_pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(
    support_pipeline=support_pipeline, query_pipeline=query_pipeline))
test_dataloader = val_dataloader
