_base_ = './panet_r18-d8.py'
model = dict(
    backbone=dict(dilate_both=True),
    decode_head=dict(
        _delete_=True,
        type='GeneralizedHead',
        # An ordinary head of mmseg, whose last layer classifies the features
        # of the backbone.
        head=dict(
            type='FCNHead',
            in_channels=256,
            channels=256,
            num_convs=0,
            concat_input=False,
            # The background and the base classes.
            num_classes=15,
            dropout_ratio=0.1,
            loss_decode=dict(
                type='CrossEntropyLoss', avg_non_ignore=True)),
        # With a shrinkage of 1, one shot gains a point and five lose two.
        classifier=dict(
            type='DiscriminantClassifier', shrinkage=0.1, rank=None)))
