# The test of PANet (Wang et al., ICCV 2019) in its released code. We do not
# recommend these rules. They are those of the published score "PANet 48.1".
protocol = dict(
    train=dict(
        # All classes outside the episode are background.
        novel_pixels='background',
        min_area=1,
        sampling='class_first'),
    test=dict(
        protocol='panet',
        # The test uses the training images, in episodes of novel classes.
        pool='train',
        sampling='class_first',
        repeat_supports=False,
        min_area=1,
        # Section 4.1 has 5 runs of 1,000 episodes. The seeds are those of the
        # code.
        num_runs=5,
        num_episodes=1000,
        episodes_seed=1234,
        # Images, ground truth and predictions are resized to 417x417, without
        # their aspect ratio.
        support_pipeline=[
            dict(type='LoadOrientedImage'),
            dict(type='LoadAnnotations'),
            # In a support, everything outside the class is background, even
            # void.
            dict(type='EpisodeLabels', void='background'),
            dict(type='Resize', scale=(417, 417), keep_ratio=False),
            dict(type='PackEpisodeInputs')
        ],
        query_pipeline=[
            dict(type='LoadOrientedImage'),
            dict(type='LoadAnnotations'),
            dict(type='EpisodeLabels'),
            dict(type='Resize', scale=(417, 417), keep_ratio=False),
            dict(type='PackEpisodeInputs')
        ]),
    # util/metric.py counts a class only in queries whose ground truth shows
    # it.
    evaluator=dict(type='FewShotIoUMetric', count_absent=False),
    test_cfg=dict(mode='whole', shot_fusion='mean_prototypes'))
