"""Collating episodes to a flat batch."""
from collections.abc import Sequence
from itertools import chain

from mmengine.registry import FUNCTIONS


@FUNCTIONS.register_module()
def episode_collate(episodes: Sequence[Sequence[dict]],
                    _scope_: str | None = None) -> dict[str, list]:
    """Lay the images of all episodes one after the other.

    mmengine's ``pseudo_collate`` would transpose the nested lists instead.

    Args:
        episodes (Sequence[Sequence[dict]]): B items of
            :class:`EpisodicDataset`, each W * S supports and Q queries.
        _scope_ (str, optional): Not used. mmengine passes it if the base of
            the config is in another package.

    Returns:
        dict[str, list]: ``inputs`` and ``data_samples``, each a list of
        B * (W * S + Q): what mmseg's data preprocessor takes.
    """
    images = list(chain.from_iterable(episodes))
    return {
        key: [image[key] for image in images]
        for key in ('inputs', 'data_samples')}
