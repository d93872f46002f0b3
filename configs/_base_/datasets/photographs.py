# Single photographs. There is no data set, only the transforms that prepare an
# image for the network.
scale = (473, 473)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=False),
    dict(type='PackSegInputs')
]
