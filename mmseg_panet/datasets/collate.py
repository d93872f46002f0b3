"""Collation of episodes into a flat batch."""
from collections.abc import Sequence
from itertools import chain

from mmengine.registry import FUNCTIONS


@FUNCTIONS.register_module()
def episode_collate(episodes: Sequence[Sequence[dict]],
                    _scope_: str | None = None) -> dict[str, list]:
    """Concatenate the images of all episodes into one flat batch.

    mmengine's ``pseudo_collate`` would transpose the nested lists instead.

    Args:
        episodes (Sequence[Sequence[dict]]): B items of
            :class:`EpisodicDataset`, each with W * S supports and Q queries.
        _scope_ (str, optional): Not used. mmengine passes it if the base of
            the config is in another package. Defaults to None.

    Returns:
        dict[str, list]: ``inputs`` and ``data_samples`` in the form of
        mmseg's data preprocessor, two lists of length B * (W * S + Q).

    Example:
        >>> item = [dict(inputs=i, data_samples=None) for i in range(2)]
        >>> episode_collate([item, item])['inputs']
        [0, 1, 0, 1]
    """
    images = list(chain.from_iterable(episodes))
    return {
        key: [image[key] for image in images]
        for key in ('inputs', 'data_samples')}
