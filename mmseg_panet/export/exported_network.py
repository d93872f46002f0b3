"""The network of an export."""
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from ..errors import InputError
from ..inference.model_loading import load_model
from ..inference.network import Network
from ..models.safe_loading import safe_loading


def load_network(cfg: Config, weights: str | None, bank: str | None,
                 classifier: dict | str | None = None,
                 trust_checkpoint: bool = False
                 ) -> tuple[Network, dict[str, Any]]:
    """Load a model on the CPU with the classes of a bank.

    Args:
        cfg (Config): Config with a model, whose head may hold a bank.
        weights (str, optional): See :class:`FewShotInferencer`.
        bank (str, optional): File of the classes; None for those of the
            model.
        classifier (dict | str, optional): See :class:`FewShotInferencer`.
            Defaults to None.
        trust_checkpoint (bool): See :class:`FewShotInferencer`. Defaults to
            False.

    Returns:
        tuple[Network, dict[str, Any]]: The network, and its classes and
        palette, see :func:`class_meta`.

    Raises:
        InputError: If the model or the bank cannot be used, or if there are
            no classes.
    """
    init_default_scope('mmseg')
    with safe_loading(trust_checkpoint):
        model: Any = load_model(cfg, weights, 'cpu', classifier)
    head = model.decode_head
    held, fitted = head.bank, head.fitted
    network = Network(model, cfg)
    if bank is not None:
        network.load(bank)
    if network.bank.classes:
        return network, model.dataset_meta
    if held is None or held.is_empty:
        raise InputError(
            'expected --bank with a file of registered classes, or a model '
            'with a bank, got neither; give one of them')
    head.bank, head.fitted = held, fitted
    return network, held.dataset_meta
