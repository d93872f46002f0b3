# The strict rules that most papers since 2021 share. Where the papers differ,
# the choice is ours.
# `protocol.train` and `protocol.test` are settings of EpisodicDataset,
# `evaluator` is the metric, and `test_cfg` is that of the segmentor.
protocol = dict(
    train=dict(
        # Images with a novel class are left out of the training, even as
        # background (BAM, Lang et al., CVPR 2022, and its successors).
        novel_pixels='drop',
        min_area=1,
        sampling='class_first'),
    test=dict(
        protocol='modern',
        pool='val',
        # PANet, section 4.1: the class is sampled first, so that all classes
        # count equally.
        sampling='class_first',
        repeat_supports=False,
        min_area=1,
        # The mIoU of runs with different seeds differs by about a point. Five
        # runs show by how much.
        num_runs=5,
        num_episodes=1000,
        episodes_seed=1234),
    # Every false positive counts. The ground truth keeps its own size: the
    # pipelines of the data sets load it after the resize.
    evaluator=dict(type='FewShotIoUMetric', count_absent=True),
    test_cfg=dict(mode='whole', shot_fusion='mean_prototypes'))
