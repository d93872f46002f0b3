"""A segmentor that predicts complete episodes."""
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import InputError, check_choice
from .episode_layout import EpisodeLayout, check_episode
from .few_shot_head import FewShotHead
from .logit_map import LogitMap
from .resize import size_metainfo
from .shot_fusion import SHOT_FUSIONS, fuse_shots
from .sliding_windows import mean_of_windows
from .support_ways import support_ways


@MODELS.register_module()
class FewShotSegmentor(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` around a :class:`PANetHead`.

    Training is mmseg's. In testing a flat batch of episodes (samples with a
    ``role``) gives one prediction a query; samples without a role are
    classified by what ``decode_head.fit`` has fitted. A :class:`LogitMap`
    brings logits to the image, not ``postprocess_result``.

    Beside mmseg's settings, ``test_cfg`` takes ``shot_fusion``, how several
    shots become one prediction: 'mean_prototypes' (the default, PANet),
    'mean_logits', or 'vote' over the masks of the single shots, with
    ``vote_threshold`` (0.5), see :func:`vote`.

    Args:
        *args, **kwargs: As for ``EncoderDecoder``.
        channels_last (bool | str): Whether backbone and neck keep their
            weights and features with the channels of a pixel side by side,
            which is equal to rounding; checkpoints are the same. 'auto' does
            so in evaluation, and in training with a GPU or AVX-512. Defaults
            to False.

    Raises:
        InputError: If the head is no :class:`FewShotHead`, ``shot_fusion``,
            ``mode`` or ``channels_last`` is unknown, or ``vote_threshold``
            is not in (0, 1].
    """

    def __init__(self, *args: Any, channels_last: bool | str = False,
                 **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not isinstance(self.decode_head, FewShotHead):
            raise InputError(
                'expected a PANetHead, or another FewShotHead, as decode_head '
                f'of FewShotSegmentor, got a {type(self.decode_head).__name__}'
                '; configs/panet shows some')
        if channels_last not in (True, False, 'auto'):
            raise InputError(
                "expected channels_last of True, False or 'auto', got "
                f'{channels_last!r}')
        self.channels_last = channels_last
        self._memory_format = torch.contiguous_format
        self._set_memory_format()
        settings = self.test_cfg or {}
        self.shot_fusion = settings.get('shot_fusion', 'mean_prototypes')
        self.vote_threshold = threshold = settings.get('vote_threshold', 0.5)
        check_choice(
            'shot_fusion of test_cfg', self.shot_fusion, SHOT_FUSIONS)
        check_choice('mode of test_cfg', settings.get('mode', 'whole'),
                     ('whole', 'slide'))
        if not isinstance(threshold, (int, float)) or not 0 < threshold <= 1:
            raise InputError(
                'expected vote_threshold of test_cfg above 0 and at most 1, '
                f'got {threshold!r}')

    def train(self, mode: bool = True) -> 'FewShotSegmentor':
        """Set training or evaluation mode, and the memory format of it."""
        super().train(mode)
        self._set_memory_format()
        return self

    def _set_memory_format(self) -> None:
        fits = self.channels_last
        if fits == 'auto':
            # The backward pass of large maps is slower with it elsewhere.
            fits = not self.training or torch.cuda.is_available() or (
                torch.backends.cpu.get_cpu_capability() == 'AVX512')
        wanted = torch.channels_last if fits else torch.contiguous_format
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
            list[Tensor]: The backbone's, or the neck's, outputs
            (N, C, h, w).
        """
        if self.channels_last:
            inputs = inputs.contiguous(memory_format=self._memory_format)
        return super().extract_feat(inputs)

    def predict(self, inputs: Tensor,
                data_samples: list[SegDataSample] | None = None
                ) -> list[SegDataSample]:
        """Segment the queries of a flat batch, or images after a fit.

        Args:
            inputs (Tensor): Preprocessed images (N, 3, H, W).
            data_samples (list[SegDataSample], optional): N samples. Queries
                need no ``gt_sem_seg``.

        Returns:
            list[SegDataSample]: One a query, with ``pred_sem_seg``
            (1, H, W), the episode labels, and ``seg_logits`` (1 + W, H, W),
            the mean over the shots; both at the query's ``ori_shape``.

        Raises:
            InputError: If a support shows no pixel of its way.
            RuntimeError: Without episodes and without anything fitted.
        """
        if data_samples and 'role' in data_samples[0]:
            queries = EpisodeLayout.of(data_samples).queries_of(data_samples)
            maps = self._episode_maps(inputs, data_samples, queries)
        else:
            queries = data_samples or [
                SegDataSample(metainfo=size_metainfo(tuple(one.shape[1:])))
                for one in inputs]
            maps = [
                LogitMap(one.cells[None], one.resize) for one in fitted_maps(
                    self, inputs, [query.metainfo for query in queries])]
        for query, shots in zip(queries, maps, strict=True):
            logits, labels = fuse_shots(
                shots.at_image(), self.shot_fusion, self.vote_threshold)
            query.set_data(dict(
                seg_logits=PixelData(data=logits.cells),
                pred_sem_seg=PixelData(data=labels.long()[None])))
        return queries

    def label_maps(self, features: Tensor, metainfo: dict, fitted: nn.Module,
                   num_shots: int = 1) -> Tensor:
        """Segment one query for many episodes.

        As :meth:`predict` does for each of them, but for pixels at which two
        logits are equal to rounding.

        Args:
            features (Tensor): (C, h, w), of the query.
            metainfo (dict): Of the query, see :func:`to_own_size`.
            fitted (nn.Module): A classifier of E episodes, each with
                ``num_shots`` classifiers next to each other.
            num_shots (int): Shots that are fitted alone, 1 where
                ``shot_fusion`` is 'mean_prototypes'. Defaults to 1.

        Returns:
            Tensor: uint8 (E, H, W), episode labels at ``ori_shape``.
        """
        logits = self.decode_head.match(features[None], fitted)
        shots = LogitMap.of_cells(
            logits.unflatten(0, (-1, num_shots)), metainfo,
            self.align_corners)
        return fuse_shots(shots, self.shot_fusion, self.vote_threshold)[1]

    def _episode_maps(self, inputs: Tensor, data_samples: list[SegDataSample],
                      queries: list[SegDataSample]) -> list[LogitMap]:
        """Logits of each query by all shots or by single ones."""
        by_shot = self.shot_fusion != 'mean_prototypes'
        if _slides(self):
            logits = self._slide_episodes(inputs, data_samples, by_shot)
        else:
            logits = self.decode_head.predict_episodes(
                self.extract_feat(inputs), data_samples, by_shot)
            logits = logits if by_shot else logits[None]
        return _maps_of(
            self, logits.unbind(1), [query.metainfo for query in queries])

    def _slide_episodes(self, inputs: Tensor,
                        data_samples: list[SegDataSample],
                        by_shot: bool) -> Tensor:
        """Fit each episode's supports at once, slide over its queries."""
        episodes, ways, shots, queries = EpisodeLayout.of(data_samples)
        index = np.arange(len(inputs)).reshape(episodes, -1)
        supports = index[:, :ways * shots].reshape(-1, ways, shots)
        fitted = self.decode_head.fitted
        logits = []
        try:
            for some in np.split(supports, shots if by_shot else 1, axis=2):
                for shown, asked in zip(
                        some.reshape(episodes, -1), index[:, ways * shots:],
                        strict=True):
                    self.decode_head.fit(
                        self.extract_feat(
                            torch.stack([inputs[i] for i in shown])),
                        [data_samples[i] for i in shown])
                    logits.append(self.inference(
                        torch.stack([inputs[i] for i in asked]),
                        [data_samples[i].metainfo for i in asked]))
        finally:
            self.decode_head.fitted = fitted
        return torch.cat(logits).unflatten(0, (-1, episodes * queries))

    def slide_inference(self, inputs: Tensor,
                        batch_img_metas: list[dict]) -> Tensor:
        """Mean of the logits of overlapping windows.

        Args:
            inputs (Tensor): (N, 3, H, W).
            batch_img_metas (list[dict]): N.

        Returns:
            Tensor: Logits (N, 1 + W, H, W).
        """
        return mean_of_windows(
            inputs, self.test_cfg.crop_size, self.test_cfg.stride,
            lambda window: self.encode_decode(window, [
                dict(meta, img_shape=window.shape[2:])
                for meta in batch_img_metas]))

    def segment(self, support_images: Tensor, support_masks: Tensor,
                query_images: Tensor) -> Tensor:
        """Segment images from examples, with tensors alone.

        Args:
            support_images (Tensor): (W, S, 3, H, W), normalised as the
                backbone expects.
            support_masks (Tensor): (W, S, H, W), of each support's own way:
                1 or True inside, 0 outside, 255 unknown.
            query_images (Tensor): (N, 3, H, W), normalised; their size may
                differ from the supports'.

        Returns:
            Tensor: Logits (N, 1 + W, H, W) at the queries' size, background
            first.

        Raises:
            InputError: If shapes or values do not fit, or a mask is empty.
        """
        check_episode(support_images, support_masks, query_images)
        ways, shots = support_masks.shape[:2]
        way = torch.arange(1, 1 + ways, device=support_masks.device)
        labels = support_masks.long()
        labels = torch.where(labels == 1, way.view(ways, 1, 1, 1), labels)
        support_ways(
            labels.flatten(0, 1),
            [SegDataSample(metainfo=dict(
                way=1 + w, img_path=f'support_images[{w}, {s}]'))
             for w in range(ways) for s in range(shots)])
        supports, queries = (
            self.decode_head.features(self.extract_feat(images))
            for images in (support_images.flatten(0, 1), query_images))
        logits = self.decode_head.match_episodes(
            supports.unflatten(0, (1, ways, shots)), labels[None],
            queries[None])[0]  # (N, 1 + W, h, w)
        return LogitMap.of_cells(
            logits, size_metainfo(query_images.shape[2:]), self.align_corners
        ).rows()


def fitted_maps(model: EncoderDecoder, inputs: Tensor,
                metas: list[dict]) -> list[LogitMap]:
    """Classify images by what the head of a model has fitted.

    Args:
        model (EncoderDecoder): Any of mmseg's, with a :class:`FewShotHead`.
        inputs (Tensor): Preprocessed images (N, 3, H, W).
        metas (list[dict]): N, see :func:`to_own_size`.

    Returns:
        list[LogitMap]: One an image, (1 + W, h, w).
    """
    if _slides(model):
        # mmseg's slide inference makes room for as many classes, and writes
        # into the metainfo.
        model.out_channels = getattr(
            model.decode_head.fitted, 'num_classes', 0)
        logits = model.inference(inputs, [dict(meta) for meta in metas])
    else:
        logits = model.decode_head(model.extract_feat(inputs))
    return _maps_of(model, logits, metas)


def _slides(model: EncoderDecoder) -> bool:
    return (model.test_cfg or {}).get('mode', 'whole') == 'slide'


def _maps_of(model: EncoderDecoder, logits: Iterable[Tensor],
             metas: list[dict]) -> list[LogitMap]:
    """Logits of windows are those of the input, others those of cells."""
    make = LogitMap.of_input if _slides(model) else LogitMap.of_cells
    return [make(one, meta, model.align_corners)
            for one, meta in zip(logits, metas, strict=True)]
