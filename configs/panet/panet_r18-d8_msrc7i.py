_base_ = [
    '../_base_/models/panet_r18-d8.py',
    '../_base_/datasets/msrc7i.py',
    '../_base_/schedules/schedule_6k.py',
    '../_base_/default_runtime.py'
]
model = dict(data_preprocessor=dict(size=(225, 225)))
