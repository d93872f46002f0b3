"""Adaptation to images without labels."""
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from mmengine.logging import print_log

from ..files import StrPath
from .network import Network
from .supports.adaptation import adapted_bank

IMAGES_AT_ONCE = 8
"""Images of supports, negatives and adaptations in a batch."""
_Self = TypeVar('_Self', bound='Adaptable')


class Adaptable:
    """Adapts registered classes to images without labels.

    Attributes:
        model (nn.Module): See :func:`encode_images`.
        pipeline (Callable): See :func:`encode_images`.
        show_progress (bool): Whether bars show the progress of a call.
        channel_order (str): See :func:`image_array`.
    """

    model: Any
    pipeline: Callable
    show_progress: bool
    channel_order: str
    _network: Network

    def adapt(self: _Self, images: Any,
              leave_out: StrPath | None = None) -> _Self:
        """Adapt to images without labels, such as those to segment.

        The images are segmented by the current classes. For each class, the
        30% of the images that show it most certainly are chosen. Their most
        certain cells then have half of the weight of the class and of the
        background, whatever their number. Measured with one class, it gains
        one or two points of mIoU with one example, and nothing with five.

        An earlier adaptation is replaced. An adaptation is removed when
        supports or negatives change, and is not part of what :meth:`save`
        writes. The order of the images makes no difference beyond rounding,
        and each image counts once. Supports and negatives among them are
        left out.

        Args:
            images (Any): Paths, folders, glob patterns, videos, arrays, or a
                list of such, see :func:`list_images`. Those that cannot be
                read are left out with a warning.
            leave_out (str | os.PathLike, optional): Folder of results, whose
                ``masks`` and ``overlays`` are left out. Defaults to none.

        Returns:
            FewShotInferencer: The inferencer itself.

        Raises:
            InputError: If no class is registered, the classifier does not
                use second moments, as that of prototypes, or no image can be
                read. Nothing changes then.
        """
        before = self._network.bank
        plain = before.copy(adapted=())
        try:
            # The head classifies by the bank.
            self.remove_adaptation()
            bank, notes = adapted_bank(
                self.model, self.pipeline, plain, images, leave_out,
                IMAGES_AT_ONCE, self.show_progress, self.channel_order,
                self._network.reading)
        except BaseException:
            if before.adapted:
                self._network.use(before)
            raise
        for note in notes:
            print_log(note, logger='current', level=logging.WARNING)
        self._network.use(bank)
        return self

    def remove_adaptation(self: _Self) -> _Self:
        """Classify as if :meth:`adapt` had never been called.

        Returns:
            FewShotInferencer: The inferencer itself.
        """
        if self._network.bank.adapted:
            self._network.use(self._network.bank.copy(adapted=()))
        return self
