"""The segmentation loss of the queries (PANet, section 3.3)."""
import torch.nn.functional as F
from mmengine import dist
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class SegmentationLoss(nn.Module):
    """The cross entropy, averaged over the pixels that are not ignored.

    It equals mmseg's ``CrossEntropyLoss(avg_non_ignore=True)``. That one
    reads the number of pixels from the device, which requires a
    synchronization and breaks the graph of ``torch.compile``. Without a
    valid pixel, the loss is 0.

    Several processes divide by the mean of their numbers of valid pixels.
    The mean of their gradients, which DDP and FSDP compute, then equals the
    gradient of one process with all of their episodes. Every process must
    therefore compute the loss equally often. With gradient accumulation,
    each batch has the same weight.

    Args:
        loss_weight (float): Weight of the loss. Defaults to 1.0.
        loss_name (str): Name of the loss. Defaults to 'loss_seg'.
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
            logits (Tensor): Logits (N, K, H, W).
            labels (Tensor): Labels (N, H, W), 0 to K - 1 and
                ``ignore_index``.
            weight (Tensor, optional): Weights of the pixels, (N, H, W).
                Defaults to None.
            ignore_index (int): Label to ignore. Defaults to 255.

        Returns:
            Tensor: Scalar loss.
        """
        errors = F.cross_entropy(
            logits, labels, ignore_index=ignore_index, reduction='none')
        if weight is not None:
            errors = errors * weight
        valid = (labels != ignore_index).sum()
        return self.loss_weight * errors.sum() / _mean_of_processes(valid)


def _mean_of_processes(valid: Tensor) -> Tensor:
    """Average a number of pixels over the processes; all 0 become 1."""
    processes = dist.get_world_size()
    if processes > 1:
        dist.all_reduce(valid)
    valid = valid.clamp_min(1)
    return valid / processes if processes > 1 else valid
