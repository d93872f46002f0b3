"""Flat batches of episodes with random features."""
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample


def random_episodes(episodes, ways, shots, queries, channels=8, size=(5, 6),
                    image=(33, 42), seed=0):
    """Create the features, in float64, and the samples of a flat batch."""
    generator = torch.Generator().manual_seed(seed)
    samples = []
    for episode in range(episodes):
        task = dict(
            run=0, episode=episode, class_ids=[3 * w for w in range(ways)],
            class_names=[f'class {w}' for w in range(ways)],
            img_shape=image, ori_shape=image)
        parts = [
            dict(role='support', way=w, shot=s)
            for w in range(1, 1 + ways) for s in range(shots)]
        parts += [dict(role='query', way=1 + q % ways)
                  for q in range(queries)]
        for part in parts:
            labels = torch.randint(
                0, 1 + ways, image, generator=generator)
            labels[torch.rand(image, generator=generator) < 0.1] = 255
            if part['role'] == 'query' and ways > 1:
                labels[labels == 1] = 0  # the queries lack the first way
            samples.append(SegDataSample(
                metainfo=task | part, gt_sem_seg=PixelData(data=labels[None])))
    features = torch.randn(
        len(samples), channels, *size, dtype=torch.float64,
        generator=generator)
    return features, samples
