"""A segmentor for complete episodes."""
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import InputError, check_choice
from .backbone_segmentor import BackboneSegmentor
from .device_checks import checked_at_end
from .edge_filter import edge_filter_of
from .episode_layout import EpisodeLayout, check_episode
from .few_shot_head import FewShotHead
from .image_maps import fitted_maps, image_map, slides
from .logit_map import LogitMap
from .resize import size_metainfo
from .shot_fusion import SHOT_FUSIONS, fuse_shots
from .sliding_windows import mean_of_windows
from .small_components import clear_small_components, min_area_of
from .support_ways import support_ways


@MODELS.register_module()
class FewShotSegmentor(BackboneSegmentor):
    """An ``EncoderDecoder`` of mmseg with a :class:`PANetHead`.

    Training is that of mmseg. In testing, a flat batch of episodes (samples
    with a ``role``) gives one prediction per query; samples without a role
    are classified by the classes of ``decode_head.fit``. Logits are resized
    to the image by a :class:`LogitMap` and not by ``postprocess_result``.

    In addition to the settings of mmseg, ``test_cfg`` has these:

    - ``shot_fusion``: how several shots are combined. 'mean_prototypes' is
      the default and that of PANet; others are 'mean_logits', and 'vote'
      over the masks of single shots, see :func:`vote`.
    - ``vote_threshold``: threshold of the vote, 0.5 by default.
    - ``edges``: the filter that aligns logits with the edges of their image,
      see :func:`edge_filter_of`.
    - ``min_area``: the smallest component of a class as a fraction of the
      image, 0 by default, see :func:`clear_small_components`.

    Args:
        *args: Arguments of ``EncoderDecoder``.
        **kwargs: Arguments of ``EncoderDecoder`` by name.
        channels_last (bool | str): Whether backbone and neck use the memory
            format channels_last. Results are equal up to rounding, and
            checkpoints are the same. 'auto' uses it in evaluation, and in
            training with a GPU or AVX-512. Defaults to False.

    Raises:
        InputError: If the head is not a :class:`FewShotHead`,
            ``shot_fusion``, ``mode`` or ``channels_last`` is unknown, or
            ``vote_threshold``, ``edges`` or ``min_area`` is out of range.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not isinstance(self.decode_head, FewShotHead):
            raise InputError(
                'expected a PANetHead, or another FewShotHead, as decode_head '
                f'of FewShotSegmentor, got a {type(self.decode_head).__name__}'
                "; set type='PANetHead' there")
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
        # These are read at each use; invalid ones raise an error here.
        edge_filter_of(self)
        min_area_of(self)

    # The loops read the predictions right after these steps.
    test_step = checked_at_end()(EncoderDecoder.test_step)
    val_step = checked_at_end()(EncoderDecoder.val_step)

    def predict(self, inputs: Tensor,
                data_samples: list[SegDataSample] | None = None
                ) -> list[SegDataSample]:
        """Segment the queries of a flat batch, or images after a fit.

        Args:
            inputs (Tensor): Preprocessed images (N, 3, H, W).
            data_samples (list[SegDataSample], optional): N samples. Queries
                need no ``gt_sem_seg``. Defaults to None.

        Returns:
            list[SegDataSample]: One sample per query, with ``pred_sem_seg``
            (1, H, W), the episode labels, and ``seg_logits`` (1 + W, H, W),
            the mean over the shots. Both have the query's ``ori_shape``.

        Raises:
            InputError: If a support has no pixel of its way.
            RuntimeError: If there are neither episodes nor fitted classes.
        """
        if data_samples and 'role' in data_samples[0]:
            queries = EpisodeLayout.from_samples(
                data_samples).queries_of(data_samples)
            maps = self._episode_maps(inputs, data_samples)
        else:
            self.check_bank()
            queries = data_samples or [
                SegDataSample(metainfo=size_metainfo(tuple(one.shape[1:])))
                for one in inputs]
            maps = [
                LogitMap(one.cells[None], one.resize) for one in fitted_maps(
                    self, inputs, [query.metainfo for query in queries])]
        for query, shots in zip(queries, maps, strict=True):
            logits, labels = self._fuse(shots.at_image())
            query.set_data(dict(
                seg_logits=PixelData(data=logits.cells),
                pred_sem_seg=PixelData(data=labels.long()[None])))
        return queries

    def _fuse(self, shots: LogitMap) -> tuple[LogitMap, Tensor]:
        """Fuse shots into logits and labels, see :func:`fuse_shots`."""
        mean, labels = fuse_shots(
            shots, self.shot_fusion, self.vote_threshold)
        return mean, clear_small_components(labels, min_area_of(self))

    def label_maps(self, features: Tensor, image: Tensor, metainfo: dict,
                   fitted: nn.Module, num_shots: int = 1) -> Tensor:
        """Segment one query for many episodes.

        The labels are those of :meth:`predict`, except for pixels at which
        two logits are equal up to rounding.

        Args:
            features (Tensor): Features of the query, (C, h, w).
            image (Tensor): Preprocessed query, (3, H', W').
            metainfo (dict): Metainfo of the query, see
                :func:`to_original_size`.
            fitted (nn.Module): Classifier of E episodes, each with
                ``num_shots`` consecutive classifiers.
            num_shots (int): Number of shots that are fitted separately; 1
                if ``shot_fusion`` is 'mean_prototypes'. Defaults to 1.

        Returns:
            Tensor: Episode labels at ``ori_shape``, (E, H, W) uint8.
        """
        logits = self.decode_head.match(features[None], fitted)
        return self._fuse(image_map(
            self, logits.unflatten(0, (-1, num_shots)), image, metainfo))[1]

    def _episode_maps(self, inputs: Tensor, data_samples: list[SegDataSample]
                      ) -> list[LogitMap]:
        """Compute the logits of each query by all shots or single ones."""
        by_shot = self.shot_fusion != 'mean_prototypes'
        if slides(self):
            logits = self._slide_episodes(inputs, data_samples, by_shot)
        else:
            logits = self.decode_head.predict_episodes(
                self.extract_feat(inputs), data_samples, by_shot)
            logits = logits if by_shot else logits[None]
        layout = EpisodeLayout.from_samples(data_samples)
        return [
            image_map(self, of_query, image, sample.metainfo)
            for of_query, image, sample in zip(
                logits.unbind(1), layout.queries_of(inputs.unbind()),
                layout.queries_of(data_samples), strict=True)]

    def _slide_episodes(self, inputs: Tensor,
                        data_samples: list[SegDataSample],
                        by_shot: bool) -> Tensor:
        """Fit each episode's supports, and slide over its queries."""
        episodes, ways, shots, queries = EpisodeLayout.from_samples(
            data_samples)
        index = np.arange(len(inputs)).reshape(episodes, -1)
        supports = index[:, :ways * shots].reshape(-1, ways, shots)
        fitted = self.decode_head.fitted
        logits = []
        try:
            for some in np.split(supports, shots if by_shot else 1, axis=2):
                for of_episode, asked in zip(
                        some.reshape(episodes, -1), index[:, ways * shots:],
                        strict=True):
                    self.decode_head.fit(
                        self.extract_feat(
                            torch.stack([inputs[i] for i in of_episode])),
                        [data_samples[i] for i in of_episode])
                    logits.append(self.inference(
                        torch.stack([inputs[i] for i in asked]),
                        [data_samples[i].metainfo for i in asked]))
        finally:
            self.decode_head.fitted = fitted
        return torch.cat(logits).unflatten(0, (-1, episodes * queries))

    def slide_inference(self, inputs: Tensor,
                        batch_img_metas: list[dict]) -> Tensor:
        """Average the logits of overlapping windows.

        Args:
            inputs (Tensor): Preprocessed images (N, 3, H, W).
            batch_img_metas (list[dict]): Metainfo of the N images.

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
        """Segment images from examples that are given as tensors.

        Args:
            support_images (Tensor): Support images (W, S, 3, H, W),
                normalised as the backbone expects.
            support_masks (Tensor): Masks (W, S, H, W) of each support's way:
                1 or True inside, 0 outside, and 255 unknown.
            query_images (Tensor): Query images (N, 3, H, W), normalised.
                Their size may differ from that of the supports.

        Returns:
            Tensor: Logits (N, 1 + W, H, W) at the queries' size, background
            first.

        Raises:
            InputError: If shapes or values are invalid, or a mask is empty.
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
        metainfo = size_metainfo(query_images.shape[2:])
        return torch.stack([
            image_map(self, *one, metainfo).rows()
            for one in zip(logits, query_images, strict=True)])
