"""A segmentor that checks what its backbone gets and loads."""
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from .banked_segmentor import BankedSegmentor
from .initialization import initialization
from .patch_grid import check_patches


class BackboneSegmentor(BankedSegmentor):
    """An ``EncoderDecoder`` that checks what its backbone gets and loads.

    Args:
        *args: Arguments of ``EncoderDecoder``.
        **kwargs: Arguments of ``EncoderDecoder`` by name.
        channels_last (bool | str): See :class:`FewShotSegmentor`.

    Raises:
        InputError: If ``channels_last`` is unknown.
    """

    def __init__(self, *args: Any, channels_last: bool | str = False,
                 **kwargs: Any) -> None:
        # The backbones of mmpretrain change out_indices in their config.
        super().__init__(*args, **deepcopy(kwargs))
        if channels_last not in (True, False, 'auto'):
            raise InputError(
                "expected channels_last of True, False or 'auto', got "
                f'{channels_last!r}')
        self.channels_last = channels_last
        self._memory_format = torch.contiguous_format
        self._set_memory_format()

    def init_weights(self) -> None:
        """Initialize the weights without a log line for each of them."""
        with initialization(self):
            super().init_weights()

    def train(self, mode: bool = True) -> 'BackboneSegmentor':
        """Set training or evaluation mode, and its memory format."""
        super().train(mode)
        self._set_memory_format()
        return self

    def _set_memory_format(self) -> None:
        last = self.channels_last
        if last == 'auto':
            # On other CPUs, it slows the backward pass of large maps down.
            last = not self.training or torch.cuda.is_available() or (
                torch.backends.cpu.get_cpu_capability() == 'AVX512')
        wanted = torch.channels_last if last else torch.contiguous_format
        if wanted is self._memory_format:
            return
        self._memory_format = wanted
        self.backbone.to(memory_format=wanted)
        if self.with_neck:
            self.neck.to(memory_format=wanted)

    def extract_feat(self, inputs: Tensor) -> list[Tensor]:
        """Encode images.

        Args:
            inputs (Tensor): Preprocessed images (N, 3, H, W).

        Returns:
            list[Tensor]: Outputs (N, C, h, w) of the backbone, or of the
            neck if there is one.

        Raises:
            InputError: If the backbone refuses images of this size, and see
                :func:`check_patches`.
        """
        if self.channels_last:
            inputs = inputs.contiguous(memory_format=self._memory_format)
        try:
            features = super().extract_feat(inputs)
        except (AssertionError, RuntimeError) as error:
            # mmpretrain asserts sizes, but not those of a BEiT.
            if not isinstance(error, AssertionError) and (
                    'size of tensor' not in str(error)):
                raise
            height, width = inputs.shape[2:]
            raise InputError(
                f'expected images that {type(self.backbone).__name__} can '
                f'encode, got {height} x {width} ({error}); change their size '
                'or its settings') from error
        check_patches(self.backbone, inputs, features)
        return features
