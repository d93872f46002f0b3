"""Another head: PANet's head on features of a learnable 1x1 convolution."""
from mmseg.registry import MODELS
from torch import nn

from mmseg_panet.models import PANetHead


@MODELS.register_module()
class ProjectionHead(PANetHead):
    """PANet's head with a projection of the features before all else.

    Args:
        channels (int): Number of channels of the projected features.
        **kwargs: Arguments of ``PANetHead``.
    """

    def __init__(self, channels=128, **kwargs):
        super().__init__(channels=channels, **kwargs)
        # Without a bias, cosines do not depend on the norm of a cell.
        self.project = nn.Conv2d(self.in_channels, channels, 1, bias=False)

    def features(self, inputs):
        """Make the feature map (N, C, h, w) that supports are pooled from."""
        return self.project(super().features(inputs))
