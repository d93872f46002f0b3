"""Construction of the logit maps of images."""
from typing import Any

from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor

from .edge_filter import edge_filter_of
from .logit_map import LogitMap


def slides(model: EncoderDecoder) -> bool:
    """Check whether a model uses sliding windows."""
    return (model.test_cfg or {}).get('mode', 'whole') == 'slide'


def image_map(model: Any, logits: Tensor, image: Tensor,
              metainfo: dict) -> LogitMap:
    """Build the logit map of an image; every prediction uses this function.

    Args:
        model (EncoderDecoder): Model with a :class:`FewShotHead`, whose
            settings choose the edge filter, see :func:`edge_filter_of`.
        logits (Tensor): Logits (..., K, h, w) at the size of the feature map
            or, with sliding windows, of the input. Leading dimensions are
            those of episodes and shots, or of the images of a batch that
            have the same size.
        image (Tensor): Preprocessed image (3, H, W), or batch (N, 3, H, W).
        metainfo (dict): Metainfo of the image, see
            :func:`to_original_size`.

    Returns:
        LogitMap: Logit map of the image.
    """
    edges = edge_filter_of(model)
    if edges is not None:
        return edges(logits, image, metainfo, model.align_corners,
                     model.data_preprocessor)
    # Logits of sliding windows have the size of the input.
    at_input = logits.shape[-2:] == image.shape[-2:]
    make = LogitMap.from_input if at_input else LogitMap.from_cells
    return make(logits, metainfo, model.align_corners)


def fitted_maps(model: EncoderDecoder, inputs: Tensor,
                metas: list[dict]) -> list[LogitMap]:
    """Classify images by the fitted classes of a model's head.

    Args:
        model (EncoderDecoder): Model of mmseg with a :class:`FewShotHead`.
        inputs (Tensor): Preprocessed images (N, 3, H, W).
        metas (list[dict]): Metainfo of the N images, see
            :func:`to_original_size`.

    Returns:
        list[LogitMap]: Logit maps (1 + W, h, w) of the images.
    """
    if slides(model):
        # mmseg's slide inference allocates logits of out_channels classes,
        # and modifies the metainfo.
        model.out_channels = getattr(
            model.decode_head.fitted, 'num_classes', 0)
        logits = model.inference(inputs, [dict(meta) for meta in metas])
    else:
        logits = model.decode_head(model.extract_feat(inputs))
    return [image_map(model, *one)
            for one in zip(logits, inputs, metas, strict=True)]
