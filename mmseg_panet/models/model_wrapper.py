"""The wrappers in which mmengine trains and tests a distributed model."""
from typing import Any

from mmengine.model import is_model_wrapper
from torch import nn


def unwrap_model(model: nn.Module) -> Any:
    """Return the model inside a wrapper, or a model without one as it is.

    Args:
        model (nn.Module): Model of a Runner, such as a segmentor or an
            ``MMDistributedDataParallel`` around one.
    """
    return model.module if is_model_wrapper(model) else model
