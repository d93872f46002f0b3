"""Deterministic random numbers for mmseg's transforms."""
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(entropy: Sequence[int]) -> Iterator[None]:
    """Seed the global random generators, which mmseg's transforms use.

    Their states are restored afterwards, so that other code that uses them
    is not affected.

    Args:
        entropy (Sequence[int]): Seed of all generators, as for
            ``numpy.random.SeedSequence``.
    """
    seeds = np.random.SeedSequence(entropy).generate_state(3)
    states = (
        random.getstate(), np.random.get_state(), torch.get_rng_state())
    try:
        random.seed(int(seeds[0]))
        np.random.seed(int(seeds[1]))
        # torch.manual_seed would also reseed the GPUs.
        torch.default_generator.manual_seed(int(seeds[2]))
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
