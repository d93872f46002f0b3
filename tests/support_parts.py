"""Random features of supports, and their statistics."""
from operator import itemgetter

import torch

from mmseg_panet.models import SupportStatistics

NEEDS = (('moments',), ('cells',))


def case(number, masks, seed, channels=6, size=(3, 4)):
    """Create features, and the weights of cells under some masks."""
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(
            number, channels, *size, generator=generator,
            dtype=torch.float64),
        torch.rand(
            number, masks, *size, generator=generator, dtype=torch.float64))


def parts_of(features, weights, needs=('moments',), rank=None):
    """Compute the statistics of each image."""
    statistics = SupportStatistics.from_weights(
        features, weights, needs, True, rank)
    return [
        statistics.each(itemgetter(i)) for i in range(len(statistics.areas))]
