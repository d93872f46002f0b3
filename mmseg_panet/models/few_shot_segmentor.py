"""A segmentor that predicts whole episodes."""
from itertools import product
from typing import Any

import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from ..errors import InputError
from .episode_layout import EpisodeLayout
from .label_maps import label_maps, resize_operators
from .shot_fusion import SHOT_FUSIONS, vote
from .support_check import check_supports


@MODELS.register_module()
class FewShotSegmentor(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` around a :class:`PANetHead`.

    Training is the host's. In testing a flat batch of episodes (samples
    with a ``role``) gives one prediction a query; samples without a role
    are matched against the prototypes that ``decode_head.fit`` has stored.

    Beside the host's settings, ``test_cfg`` takes ``shot_fusion``, how several
    shots become one prediction: 'mean_prototypes' (the default, PANet),
    'mean_logits', or 'vote' over the masks of the single shots, with
    ``vote_threshold`` (0.5), see :func:`vote`.

    Args:
        *args: As for ``EncoderDecoder``.
        channels_last (bool | str): Whether backbone and neck keep their
            weights and features with the channels of a pixel side by side,
            which is equal to rounding; checkpoints are the same. 'auto' does
            so in evaluation, and in training with a GPU or AVX-512. Defaults
            to False.
        **kwargs: As for ``EncoderDecoder``.

    Raises:
        InputError: If ``shot_fusion``, ``mode`` or ``channels_last`` is
            unknown, or ``vote_threshold`` not in (0, 1].
    """

    def __init__(self, *args: Any, channels_last: bool | str = False,
                 **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if channels_last not in (True, False, 'auto'):
            raise InputError(
                "expected channels_last of True, False or 'auto', got "
                f'{channels_last!r}')
        self.channels_last = channels_last
        self._memory_format = torch.contiguous_format
        self._set_memory_format()
        settings = self.test_cfg or {}
        self.shot_fusion = settings.get('shot_fusion', 'mean_prototypes')
        self.vote_threshold = settings.get('vote_threshold', 0.5)
        if self.shot_fusion not in SHOT_FUSIONS:
            raise InputError(
                f'shot_fusion of test_cfg must be one of {SHOT_FUSIONS}, got '
                f'{self.shot_fusion!r}')
        threshold = self.vote_threshold
        if not isinstance(threshold, (int, float)) or not 0 < threshold <= 1:
            raise InputError(
                'expected vote_threshold of test_cfg above 0 and at most 1, '
                f'got {threshold!r}')
        if settings.get('mode', 'whole') not in ('whole', 'slide'):
            raise InputError(
                "expected mode 'whole' or 'slide' of test_cfg, got "
                f"{settings['mode']!r}")

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

    def predict(
        self,
        inputs: Tensor,
        data_samples: list[SegDataSample] | None = None,
    ) -> list[SegDataSample]:
        """Segment the queries of a flat batch, or images after a fit.

        Args:
            inputs (Tensor): Preprocessed images (N, 3, H, W).
            data_samples (list[SegDataSample], optional): N samples. Queries
                need no ``gt_sem_seg``.

        Returns:
            list[SegDataSample]: One a query, in order, with
            ``pred_sem_seg`` (1, H, W), the episode labels, and
            ``seg_logits`` (1 + W, H, W), with a vote the mean over the
            shots; both at the query's ``ori_shape``.

        Raises:
            InputError: If a support shows no pixel of its way.
            RuntimeError: Without episodes and without fitted prototypes.
        """
        if not data_samples or 'role' not in data_samples[0]:
            return super().predict(inputs, data_samples)
        queries = EpisodeLayout.of(data_samples).queries_of(data_samples)
        by_shot = self.shot_fusion != 'mean_prototypes'
        if self.test_cfg.get('mode', 'whole') == 'slide':
            logits = self._slide_episodes(inputs, data_samples, by_shot)
        else:
            logits = self.decode_head.predict_episodes(
                self.extract_feat(inputs), data_samples, by_shot)
            logits = logits if by_shot else logits[None]
        results = self.postprocess_result(logits.mean(0), queries)
        if self.shot_fusion == 'vote':
            self._vote(logits, results)
        return results

    def label_maps(self, features: Tensor, metainfo: dict,
                   prototypes: Tensor) -> Tensor:
        """Segment one query for many episodes.

        As :meth:`predict` does for each of them, but for pixels at which two
        logits are equal to rounding.

        Args:
            features (Tensor): (C, h, w), of the query.
            metainfo (dict): Of the query, see :func:`resize_operators`.
            prototypes (Tensor): (E, G, 1 + W, C), see
                :func:`episode_prototypes`, by shot unless ``shot_fusion`` is
                'mean_prototypes'.

        Returns:
            Tensor: uint8 (E, H, W), episode labels at ``ori_shape``.
        """
        operators = resize_operators(
            features.shape[1:], metainfo, self.align_corners, like=features)
        logits = self.decode_head.match(
            features[None], prototypes.to(features).flatten(0, 2)[None])
        logits = logits[0].unflatten(0, prototypes.shape[:3])
        if self.shot_fusion != 'vote':
            return label_maps(logits.mean(1), *operators)
        return torch.stack([
            vote(of_shots, prototypes.shape[2] - 1, self.vote_threshold)
            for of_shots in label_maps(logits, *operators)]).to(torch.uint8)

    def _vote(self, logits: Tensor, queries: list[SegDataSample]) -> None:
        """Put the shots' vote in place of the predictions.

        Args:
            logits (Tensor): (S, N, 1 + W, H, W).
            queries (list[SegDataSample]): N, changed in place.
        """
        predicted = [
            self.postprocess_result(
                of_shot, [
                    SegDataSample(metainfo=query.metainfo)
                    for query in queries])
            for of_shot in logits]
        for query, *shots in zip(queries, *predicted, strict=True):
            labels = torch.stack(
                [shot.pred_sem_seg.data[0] for shot in shots])  # (S, H, W)
            query.pred_sem_seg.data = vote(
                labels, logits.shape[2] - 1, self.vote_threshold)[None]

    def _slide_episodes(self, inputs: Tensor,
                        data_samples: list[SegDataSample],
                        by_shot: bool) -> Tensor:
        """Fit each episode's supports whole, slide over its queries."""
        layout = EpisodeLayout.of(data_samples)
        supports, queries = layout.split(
            torch.arange(len(inputs)))  # (B, W, S) and (B, Q)
        fitted = self.decode_head.prototypes
        logits = []
        try:
            for some in supports.split(1 if by_shot else layout.shots, 2):
                for shown, asked in zip(
                        some.flatten(1).tolist(), queries.tolist(),
                        strict=True):
                    self.decode_head.fit(
                        self.extract_feat(inputs[shown]),
                        [data_samples[i] for i in shown])
                    logits.append(self.inference(
                        inputs[asked],
                        [data_samples[i].metainfo for i in asked]))
        finally:
            self.decode_head.prototypes = fitted
        return torch.cat(logits).unflatten(0, (-1, queries.numel()))

    def slide_inference(self, inputs: Tensor,
                        batch_img_metas: list[dict]) -> Tensor:
        """Mean of the logits of overlapping windows.

        In place of the host's, which pads every window to the whole image
        before it adds it: with time and memory of windows times pixels.

        Args:
            inputs (Tensor): (N, 3, H, W).
            batch_img_metas (list[dict]): N.

        Returns:
            Tensor: Logits (N, 1 + W, H, W).
        """
        size = inputs.shape[2:]
        logits = inputs.new_zeros(
            len(inputs), len(self.decode_head.prototypes), *size)
        times = inputs.new_zeros(size)
        for rows, columns in product(*map(
                _windows, size, self.test_cfg.crop_size,
                self.test_cfg.stride)):
            window = inputs[..., rows, columns]
            logits[..., rows, columns] += self.encode_decode(
                window,
                [dict(meta, img_shape=window.shape[2:])
                 for meta in batch_img_metas])
            times[rows, columns] += 1
        return logits / times

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
        _check_episode(support_images, support_masks, query_images)
        ways, shots = support_masks.shape[:2]
        way = torch.arange(1, 1 + ways, device=support_masks.device)
        labels = support_masks.long()
        labels = torch.where(labels == 1, way.view(ways, 1, 1, 1), labels)
        check_supports(
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
        return resize(
            logits, query_images.shape[2:], mode='bilinear',
            align_corners=self.align_corners)


def _windows(length: int, crop: int, stride: int) -> list[slice]:
    """Windows along an axis, the last one moved back into the image."""
    number = max(length - crop + stride - 1, 0) // stride + 1
    ends = [min(i * stride + crop, length) for i in range(number)]
    return [slice(max(end - crop, 0), end) for end in ends]


def _check_episode(support_images: Tensor, support_masks: Tensor,
                   query_images: Tensor) -> None:
    fits = (
        support_images.dim() == 5 and query_images.dim() == 4
        and support_images.numel() > 0
        and support_images.shape[2] == query_images.shape[1] == 3
        and support_masks.shape == (
            *support_images.shape[:2], *support_images.shape[3:]))
    if not fits:
        raise InputError(
            'expected support_images (W, S, 3, H, W), support_masks '
            '(W, S, H, W) and query_images (N, 3, H, W), got '
            f'{tuple(support_images.shape)}, {tuple(support_masks.shape)} '
            f'and {tuple(query_images.shape)}')
    values = support_masks.unique().tolist()
    if not {0, 1, 255}.issuperset(values) or values == [0, 255]:
        raise InputError(
            'expected support_masks of 1 (the way), 0 (not it) and 255 '
            f'(unknown), got the values {values[:10]}; a mask is of its own '
            'way alone: pass mask == value')
