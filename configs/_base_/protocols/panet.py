# PANet (Wang et al., ICCV 2019) as its released code tests. We do not
# recommend these rules: they are what "PANet 48.1" means.
protocol = dict(
    train=dict(
        # Only the classes of an episode have labels, the rest is background.
        novel_pixels='background',
        min_area=1,
        sampling='class_first'),
    test=dict(
        protocol='panet',
        # The training images, in episodes of their novel classes.
        pool='train',
        sampling='class_first',
        repeat_supports=False,
        min_area=1,
        # Section 4.1: 5 runs of 1,000 episodes. The seeds of the code.
        num_runs=5,
        num_episodes=1000,
        episodes_seed=1234,
        # Images, ground truth and prediction are squashed to 417x417.
        support_pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            # The background of a support is all but its class, even void.
            dict(type='EpisodeLabels', void='background'),
            dict(type='Resize', scale=(417, 417), keep_ratio=False),
            dict(type='PackEpisodeInputs')
        ],
        query_pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='EpisodeLabels'),
            dict(type='Resize', scale=(417, 417), keep_ratio=False),
            dict(type='PackEpisodeInputs')
        ]),
    # util/metric.py counts a class only in queries whose ground truth shows
    # it.
    evaluator=dict(type='FewShotIoUMetric', count_absent=False),
    test_cfg=dict(mode='whole', shot_fusion='mean_prototypes'))
