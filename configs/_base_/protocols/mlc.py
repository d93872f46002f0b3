# The test of Mining Latent Classes (Yang et al., ICCV 2021) in its released
# code. (The code takes images of any size, one at a time. Here the pipelines
# of the data set resize them, so that an episode is one batch. The ground
# truth keeps its size.)
protocol = dict(
    train=dict(
        novel_pixels='background',
        min_area=2048,
        sampling='image_first'),
    test=dict(
        protocol='mlc',
        pool='val',
        # dataset/fewshot.py samples a query image, then a class in it.
        sampling='image_first',
        repeat_supports=False,
        # As in PFENet: 2 * 32 * 32 pixels. The class of a query may be
        # smaller.
        min_area=2048,
        # main.py has the seeds 0 to 4. For COCO it has 4,000 episodes.
        num_runs=5,
        num_episodes=1000,
        episodes_seed=0),
    evaluator=dict(type='FewShotIoUMetric', count_absent=True),
    test_cfg=dict(mode='whole', shot_fusion='mean_prototypes'))
