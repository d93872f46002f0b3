"""Registers classes: a user's supports become a part of a bank."""
import logging
import os
from collections.abc import Callable
from typing import Any

from mmengine.logging import print_log

from ...progress import progress_bar
from ..advice.notes import background_notes
from ..supports import read_supports
from ..supports.support_encoder import encode_supports
from .prototype_bank import PrototypeBank


def register_supports(bank: PrototypeBank, source: Any,
                      image_dir: str | os.PathLike | None, model: Any,
                      pipeline: Callable, batch_size: int,
                      show_progress: bool) -> PrototypeBank:
    """Add supports to a bank, and warn of those that add nothing.

    Args:
        bank (PrototypeBank): Changed in place.
        source (Any): See :func:`read_supports`.
        image_dir (str | os.PathLike, optional): See :func:`read_supports`.
        model (EncoderDecoder): See :func:`encode_images`.
        pipeline (Callable): See :func:`encode_images`.
        batch_size (int): See :func:`encode_images`.
        show_progress (bool): Whether to show a progress bar.

    Returns:
        PrototypeBank: The same.

    Raises:
        InputError: If a support cannot be used.
    """
    supports = [
        one for shots in read_supports(source, image_dir).values()
        for one in shots]
    with progress_bar(show_progress) as bar:
        task = bar.add_task('Fitting', total=len(supports))
        found = encode_supports(
            model, pipeline, supports, batch_size, lambda: bar.advance(task))
    notes = [
        f"{one.image} is a support of '{one.class_name}' with the same "
        'labels already: it counts once'
        for one in found if not bank.add(one)]
    for note in notes + background_notes(bank):
        print_log(note, logger='current', level=logging.WARNING)
    return bank
