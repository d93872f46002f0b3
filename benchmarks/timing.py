"""Timing in alternation, and ratios of times."""
import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import torch


class TooLongError(Exception):
    """The rounds of a measurement would take too long."""


class Ratio(NamedTuple):
    """A ratio of medians, with the least and greatest of the rounds."""

    value: float
    low: float
    high: float


def default_rounds(device: torch.device) -> int:
    """Return more rounds where each takes only parts of a second."""
    return 5 if device.type == 'cpu' else 20


def timed(call: Callable[[], object],
          device: torch.device) -> Callable[[], float]:
    """Turn a callable into one that returns the seconds it took.

    Args:
        call (Callable): Its result is dropped.
        device (torch.device): Where it works; a GPU is waited for.
    """

    def seconds() -> float:
        _wait(device)
        start = time.perf_counter()
        call()
        _wait(device)
        return time.perf_counter() - start

    return seconds


def _wait(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def in_turn(calls: dict[str, Callable[[], float]],
            rounds: int = 5,
            limit: float | None = None) -> dict[str, list[float]]:
    """Time callables in alternation (A B C A B C ...), after a warm-up.

    Args:
        calls (dict[str, Callable]): Each returns the seconds it took.
        rounds (int): Defaults to 5.
        limit (float, optional): Seconds that all rounds may take.

    Returns:
        dict[str, list[float]]: The seconds of each round.

    Raises:
        TooLongError: If the warm-up shows that the rounds take longer.
    """
    expected = 0.0
    for name, call in calls.items():
        expected += rounds * call()
        if limit is not None and expected > limit:
            raise TooLongError(
                f"{rounds} rounds up to '{name}' alone would take "
                f'{expected / 60:.0f} minutes, more than the '
                f'{limit / 60:.0f} that a row may take')
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            seconds[name].append(call())
    return seconds


def ratio_of(above: list[float], below: list[float]) -> Ratio:
    """Return how many times as long ``above`` took as ``below``.

    Args:
        above (list[float]): Seconds of each round.
        below (list[float]): Likewise, of the same rounds.
    """
    each = [a / b for a, b in zip(above, below, strict=True)]
    return Ratio(median(above) / median(below), min(each), max(each))


def medians(seconds: dict[str, list[float]]) -> dict[str, float]:
    """Return the median of each list of seconds."""
    return {name: median(values) for name, values in seconds.items()}
