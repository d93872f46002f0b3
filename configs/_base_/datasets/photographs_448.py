# Single photographs at 448x448, a multiple of 14, 16 and 32.
_base_ = './photographs.py'
scale = (448, 448)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=False),
    dict(type='PackSegInputs')
]
