# The test of PFENet (Tian et al., TPAMI 2020) in its released code.
protocol = dict(
    train=dict(
        novel_pixels='background',
        min_area=2048,
        sampling='image_first'),
    test=dict(
        protocol='pfenet',
        pool='val',
        # util/dataset.py takes a query image, then samples a class in it. (The
        # code takes the images in the order of the list. Here they are
        # sampled, so that they are equally frequent only on average.)
        sampling='image_first',
        repeat_supports=False,
        # 2 * 32 * 32 pixels, as in OSLSM. The class of a query may be
        # smaller.
        min_area=2048,
        num_runs=1,
        num_episodes=5000,
        episodes_seed=321,
        # The longer side becomes 473 and the rest is padded with the mean.
        support_pipeline=[
            dict(type='LoadOrientedImage'),
            dict(type='LoadAnnotations'),
            dict(type='EpisodeLabels'),
            dict(type='Resize', scale=(473, 473), keep_ratio=True),
            dict(
                type='Pad',
                size=(473, 473),
                pad_val=dict(img=(103.53, 116.28, 123.675), seg=255)),
            dict(type='PackEpisodeInputs')
        ],
        query_pipeline=[
            dict(type='LoadOrientedImage'),
            dict(type='Resize', scale=(473, 473), keep_ratio=True),
            dict(
                type='Pad',
                size=(473, 473),
                pad_val=dict(img=(103.53, 116.28, 123.675), seg=255)),
            # test.py compares at the original size of the ground truth, in a
            # square around it.
            dict(type='LoadAnnotations'),
            dict(type='EpisodeLabels'),
            dict(type='PadLabelsToSquare'),
            dict(type='PackEpisodeInputs')
        ]),
    evaluator=dict(type='FewShotIoUMetric', count_absent=True),
    test_cfg=dict(mode='whole', shot_fusion='mean_prototypes'))
