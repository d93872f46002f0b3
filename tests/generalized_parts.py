"""A config of generalized few-shot segmentation on the toy data."""
from tool_runs import REPO

CONFIG = 'generalized_r18-d8_1xb8-120iters_msrc7i-161x161'
TEXT = """
_base_ = '{repo}/configs/generalized/{config}.py'
pools = dict(
    train=dict(type='ToyDataset', data_root='{root}', _delete_=True,
               ann_file='ImageSets/Segmentation/train.txt'),
    val=dict(type='ToyDataset', data_root='{root}', _delete_=True,
             ann_file='ImageSets/Segmentation/val.txt'))
source = dict(folds='toy-3i', pools=pools)
load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        dict(type='EpisodeLabels')]
pack = dict(type='PackEpisodeInputs')
resize = dict(type='Resize', scale=(64, 48), keep_ratio=False)
train_dataloader = dict(
    batch_size=2, num_workers=0,
    dataset=dict(**source, pipeline=[*load, pack]))
val_dataloader = dict(
    num_workers=0, dataset=dict(**source, pipeline=[*load, pack]))
test_dataloader = dict(num_workers=0, dataset=dict(
    **source, num_runs=2, num_shots=2, min_area=1,
    support_pipeline=[*load, resize, pack],
    query_pipeline=[load[0], resize, *load[1:], pack]))
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(base_channels=8, stem_channels=8, init_cfg=None),
    decode_head=dict(head=dict(in_channels=32, channels=16, num_convs=1,
                               num_classes=10)),
    channels_last=False)
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2))
"""


def write_config(folder, root):
    """Write the config of a tiny network."""
    path = folder / 'generalized.py'
    path.write_text(TEXT.format(repo=REPO, root=root, config=CONFIG))
    return path
