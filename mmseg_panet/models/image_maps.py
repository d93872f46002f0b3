"""From the logits of a model to the maps of its images."""
from typing import Any

from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor

from .edge_filter import edge_filter_of
from .logit_map import LogitMap


def slides(model: EncoderDecoder) -> bool:
    """Whether windows slide over the images of a model."""
    return (model.test_cfg or {}).get('mode', 'whole') == 'slide'


def image_map(model: Any, logits: Tensor, image: Tensor,
              metainfo: dict) -> LogitMap:
    """Make the map of an image; every prediction passes here.

    Args:
        model (EncoderDecoder): With a :class:`FewShotHead`; says whether the
            logits follow the edges, see :func:`edge_filter_of`.
        logits (Tensor): (..., K, h, w), of cells or of windows; leading
            dimensions are those of episodes and shots.
        image (Tensor): (3, H, W), as the network sees it.
        metainfo (dict): The image's, see :func:`to_own_size`.

    Returns:
        LogitMap: Of the image.
    """
    edges = edge_filter_of(model)
    if edges is not None:
        return edges(logits, image, metainfo, model.align_corners,
                     model.data_preprocessor)
    # Logits of windows have the size of the input.
    at_input = logits.shape[-2:] == image.shape[-2:]
    make = LogitMap.of_input if at_input else LogitMap.of_cells
    return make(logits, metainfo, model.align_corners)


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
    if slides(model):
        # mmseg's slide inference makes room for as many classes, and writes
        # into the metainfo.
        model.out_channels = getattr(
            model.decode_head.fitted, 'num_classes', 0)
        logits = model.inference(inputs, [dict(meta) for meta in metas])
    else:
        logits = model.decode_head(model.extract_feat(inputs))
    return [image_map(model, *one)
            for one in zip(logits, inputs, metas, strict=True)]
