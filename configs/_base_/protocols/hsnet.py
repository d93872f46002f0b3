# HSNet (Min et al., ICCV 2021) as its released code tests.
protocol = dict(
    train=dict(
        novel_pixels='background',
        min_area=1,
        sampling='pair_first'),
    test=dict(
        protocol='hsnet',
        pool='val',
        # data/pascal.py: its list holds every pair of image and class. (The
        # code takes them in the order of the list; here they are sampled.)
        sampling='pair_first',
        # The supports differ from the query, not from each other.
        repeat_supports=True,
        min_area=1,
        num_runs=1,
        num_episodes=1000,
        episodes_seed=0,
        # Images, ground truth and prediction are squashed to 400x400.
        support_pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='EpisodeLabels'),
            dict(type='Resize', scale=(400, 400), keep_ratio=False),
            dict(type='PackEpisodeInputs')
        ],
        query_pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='EpisodeLabels'),
            dict(type='Resize', scale=(400, 400), keep_ratio=False),
            dict(type='PackEpisodeInputs')
        ]),
    evaluator=dict(type='FewShotIoUMetric', count_absent=True),
    # Section 4.4 of the paper: the masks of the single shots vote.
    test_cfg=dict(mode='whole', shot_fusion='vote', vote_threshold=0.5))
