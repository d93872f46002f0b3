"""The graph of a model with classes, from photographs to logits."""
import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import InputError
from ..models.classifiers import LinearClassifier
from ..models.image_maps import image_map
from ..models.resize import Resize, resize_matrix, size_metainfo
from .image_resize import resize_images


class SegmentationGraph(nn.Module):
    """A module that does all that the inferencer does with images.

    Images are resized to the network's size, normalised and classified, and
    the logits are resized back. Numbers and sizes of images are arbitrary.

    Args:
        model (EncoderDecoder): Model with fitted classes, on the CPU and in
            evaluation mode, of which a copy is used.
        pipeline (Callable): Pipeline that prepares an image for the model,
            see :func:`build_pipeline`.
        half (bool): Whether backbone and neck compute in float16. Defaults
            to False.

    Attributes:
        size (tuple[int, int]): Height and width of the network's input.

    Raises:
        InputError: If the pipeline does more than a resize to one size.
    """

    def __init__(self, model: Any, pipeline: Callable[[dict], Any],
                 half: bool = False) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        # Graphs have no memory format.
        self.model.channels_last = False
        for module in self.model.modules():
            if hasattr(module, 'window_reverse'):
                _join_windows_by(module)
        self.is_rgb = _makes_rgb(self.model.data_preprocessor)
        self.size = self._checked_size(pipeline)
        self.dtype = torch.float32
        if half:
            self.dtype = torch.float16
            self.model.backbone.half()
            if self.model.with_neck:
                self.model.neck.half()

    def forward(self, images: Tensor, weight: Tensor | None = None,
                bias: Tensor | None = None) -> Tensor:
        """Segment images.

        Args:
            images (Tensor): Images (N, H, W, 3) in RGB, in uint8, or in
                float32 with values of 0..255, which are rounded.
            weight (Tensor, optional): Weight (K, C) that replaces that of
                the fitted classes, see :func:`linear_classes`. Defaults to
                None.
            bias (Tensor, optional): Bias (K,) for the weight. Defaults to
                None.

        Returns:
            Tensor: Logits (N, K, H, W), background first.
        """
        model, head = self.model, self.model.decode_head
        inputs = self._prepared(images)  # (N, 3, h', w')
        features = head.features(model.extract_feat(inputs.to(self.dtype)))
        fitted = head.fitted if weight is None else LinearClassifier(
            weight, bias, normalise=head.fitted.normalise)
        found = image_map(
            model, head.match(features, fitted), inputs,
            size_metainfo(self.size))
        return Resize(*(
            _to_image(matrix, pixels, original, model.align_corners)
            for matrix, pixels, original in zip(
                found.resize, self.size, images.shape[1:3], strict=True)
        ))(found.cells)

    def _prepared(self, images: Tensor) -> Tensor:
        """Resize images and normalise them as the data preprocessor does."""
        if images.is_floating_point():
            images = images.round().clamp(0, 255).to(torch.uint8)
        preprocessor = self.model.data_preprocessor
        inputs = resize_images(images, self.size).permute(0, 3, 1, 2).float()
        if not self.is_rgb:
            inputs = inputs.flip(1)
        if preprocessor._enable_normalize:
            inputs = (inputs - preprocessor.mean) / preprocessor.std
        return inputs

    @torch.no_grad()
    def _checked_size(self, pipeline: Callable[[dict], Any]
                      ) -> tuple[int, int]:
        """Compare the inputs with those of the pipeline, for two images."""
        noise = np.random.default_rng(0)
        for size in ((61, 83), (90, 47)):
            image = noise.integers(0, 256, (*size, 3), dtype=np.uint8)
            inputs = self.model.data_preprocessor(pseudo_collate(
                [pipeline(dict(img=image))]))['inputs']
            if size == (61, 83):
                self.size = tuple(inputs.shape[2:])
            found = self._prepared(
                torch.from_numpy(image[None, ..., ::-1].copy()))
            # Another build of OpenCV may round a pixel differently.
            grey_level = 1.01 / self._least_std()
            if inputs.shape != found.shape or (
                    (inputs - found).abs().max() > grey_level):
                raise InputError(
                    'expected a test pipeline that only resizes images to '
                    'one size, which a graph repeats, got another input for '
                    f'an image of {size[1]}x{size[0]} pixels; give it a '
                    'Resize with keep_ratio=False, and no other transform or '
                    'padding')
        return self.size

    def _least_std(self) -> float:
        preprocessor = self.model.data_preprocessor
        return float(preprocessor.std.min()) if (
            preprocessor._enable_normalize) else 1.0


def _makes_rgb(preprocessor: nn.Module) -> bool:
    """Tell whether a preprocessor turns BGR into RGB."""
    # mmseg needs samples where it pads images.
    black, red = (
        preprocessor(dict(
            inputs=[torch.tensor(bgr)[:, None, None]],
            data_samples=[SegDataSample()]))['inputs'][0, 0]
        for bgr in ((0, 0, 0), (0, 0, 255)))
    return bool((black != red).any())


def _join_windows_by(module: Any) -> None:
    """Let the windows of a Swin take images of any number.

    Exporters would record the number that mmseg and mmpretrain compute.

    Args:
        module (nn.Module): The attention in windows, changed in place.
    """
    def joined(windows: Tensor, height: int, width: int,
               size: int = module.window_size) -> Tensor:
        channels = windows.shape[-1]
        return windows.reshape(
            -1, height // size, width // size, size, size, channels
        ).permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)

    module.window_reverse = joined


def _to_image(matrix: Tensor | None, pixels: int, original: int,
              align_corners: bool) -> Tensor:
    """Append the resize from the input's pixels to those of the image."""
    last = resize_matrix(pixels, original, align_corners)
    return last if matrix is None else last @ matrix
