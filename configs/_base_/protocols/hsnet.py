# The test of HSNet (Min et al., ICCV 2021) in its released code.
protocol = dict(
    train=dict(
        novel_pixels='background',
        min_area=1,
        sampling='pair_first'),
    test=dict(
        protocol='hsnet',
        pool='val',
        # data/pascal.py lists every pair of an image and a class. (The code
        # takes them in the order of the list. Here they are sampled.)
        sampling='pair_first',
        # Supports differ from the query, but may repeat.
        repeat_supports=True,
        min_area=1,
        num_runs=1,
        num_episodes=1000,
        episodes_seed=0,
        # Images, ground truth and predictions are resized to 400x400, without
        # their aspect ratio.
        support_pipeline=[
            dict(type='LoadOrientedImage'),
            dict(type='LoadAnnotations'),
            dict(type='EpisodeLabels'),
            dict(type='Resize', scale=(400, 400), keep_ratio=False),
            dict(type='PackEpisodeInputs')
        ],
        query_pipeline=[
            dict(type='LoadOrientedImage'),
            dict(type='LoadAnnotations'),
            dict(type='EpisodeLabels'),
            dict(type='Resize', scale=(400, 400), keep_ratio=False),
            dict(type='PackEpisodeInputs')
        ]),
    evaluator=dict(type='FewShotIoUMetric', count_absent=True),
    # Section 4.4 of the paper fuses the masks of the single shots by votes.
    test_cfg=dict(mode='whole', shot_fusion='vote', vote_threshold=0.5))
