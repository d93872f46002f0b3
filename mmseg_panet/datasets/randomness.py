"""Random numbers of mmseg's transforms as a function of an argument."""
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(entropy: Sequence[int]) -> Iterator[None]:
    """Seed the global generators that the stock transforms use.

    Their state is restored afterwards, so other users of them see no change.

    Args:
        entropy (Sequence[int]): What the random numbers are a function of.
    """
    seeds = np.random.SeedSequence(entropy).generate_state(3)
    states = (
        random.getstate(), np.random.get_state(), torch.get_rng_state())
    try:
        random.seed(int(seeds[0]))
        np.random.seed(int(seeds[1]))
        # Not torch.manual_seed, which would reseed the GPUs as well.
        torch.default_generator.manual_seed(int(seeds[2]))
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
