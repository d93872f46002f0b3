# The strict rules that most papers since 2021 share; ours where they differ.
# `protocol.train` and `protocol.test` are settings of EpisodicDataset,
# `evaluator` is the metric, `test_cfg` the segmentor's.
protocol = dict(
    train=dict(
        # No image with a novel class is trained on, not even as background
        # (BAM, Lang et al., CVPR 2022, and those built on it).
        novel_pixels='drop',
        min_area=1,
        sampling='class_first'),
    test=dict(
        protocol='modern',
        pool='val',
        # PANet, section 4.1: classes first, so that each counts alike.
        sampling='class_first',
        repeat_supports=False,
        min_area=1,
        # A run moves by a point with its seed; five show by how much.
        num_runs=5,
        num_episodes=1000,
        episodes_seed=1234),
    # Every false positive counts. Ground truth has its own size: the
    # pipelines of the data sets load it after the resize.
    evaluator=dict(type='FewShotIoUMetric', count_absent=True),
    test_cfg=dict(mode='whole', shot_fusion='mean_prototypes'))
