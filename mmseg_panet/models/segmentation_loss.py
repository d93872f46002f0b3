"""The segmentation loss of the queries (PANet, section 3.3)."""
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class SegmentationLoss(nn.Module):
    """Cross entropy, averaged over the pixels that are not ignored.

    Equal to mmseg's ``CrossEntropyLoss(avg_non_ignore=True)``, which fetches
    the number of pixels from the device: a GPU would have to be waited for,
    and the graph of ``torch.compile`` would end there. Without a valid pixel
    it is 0.

    Args:
        loss_weight (float): Defaults to 1.0.
        loss_name (str): Defaults to 'loss_seg'.
    """

    def __init__(self, loss_weight: float = 1.0,
                 loss_name: str = 'loss_seg') -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self, logits: Tensor, labels: Tensor,
                weight: Tensor | None = None,
                ignore_index: int = 255) -> Tensor:
        """Compute the loss.

        Args:
            logits (Tensor): (N, K, H, W).
            labels (Tensor): (N, H, W), 0 to K - 1 and ``ignore_index``.
            weight (Tensor, optional): (N, H, W), factor of each pixel.
            ignore_index (int): Label left out. Defaults to 255.

        Returns:
            Tensor: A scalar.
        """
        errors = F.cross_entropy(
            logits, labels, ignore_index=ignore_index, reduction='none')
        if weight is not None:
            errors = errors * weight
        valid = (labels != ignore_index).sum().clamp_min(1)
        return self.loss_weight * errors.sum() / valid
