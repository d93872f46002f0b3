# The paper: 48.1 / 55.7 mIoU at 1 / 5 shots (PANet, sections 4.1 and 4.2).
# 417x417, one episode a step, flips, scale 20, alignment weight 1.
_base_ = [
    '../_base_/models/panet_vgg16-d8.py',
    '../_base_/datasets/pascal5i.py',
    '../_base_/schedules/schedule_30k.py',
    '../_base_/default_runtime.py'
]
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
model = dict(data_preprocessor=dict(size=scale))
train_dataloader = dict(
    batch_size=1,
    dataset=dict(
        support_pipeline=train_pipeline, query_pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        support_pipeline=support_pipeline, query_pipeline=query_pipeline))
test_dataloader = val_dataloader
