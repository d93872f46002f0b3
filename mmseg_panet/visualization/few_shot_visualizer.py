"""Pictures of episodes through mmengine's visualizer."""
from collections.abc import Sequence

import mmcv
import numpy as np
from mmengine.dist import master_only
from mmengine.visualization import MLflowVisBackend
from mmseg.registry import VISUALIZERS
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer
from torch import Tensor

from .overlay import overlay
from .strip import plot_strip


@VISUALIZERS.register_module()
class FewShotVisualizer(SegLocalVisualizer):
    """mmseg's visualizer that can also plot episodes."""

    def add_episode(self, name: str,
                    supports: Sequence[tuple[Tensor, SegDataSample]],
                    query: tuple[Tensor, SegDataSample],
                    prediction: SegDataSample, step: int = 0,
                    out_file: str | None = None) -> None:
        """Plot supports with masks, the query, ground truth and prediction.

        Args:
            name (str): Name of the picture in the backends.
            supports (Sequence[tuple[Tensor, SegDataSample]]): W * S images
                (3, H, W) uint8 BGR, as the pipeline packs them, and their
                samples with episode labels.
            query (tuple[Tensor, SegDataSample]): The query in the same form.
            prediction (SegDataSample): The sample of the query with
                ``pred_sem_seg`` and ``gt_sem_seg``.
            step (int): Step for the backends. Defaults to 0.
            out_file (str, optional): File to write instead of giving the
                picture to the backends. Defaults to none.
        """
        class_names = query[1].class_names
        rows: list[list[np.ndarray]] = [[] for _ in class_names]
        for image, sample in supports:
            picture = overlay(_rgb(image), _labels(sample.gt_sem_seg.data))
            rows[sample.way - 1].append(_in_shape_of(picture, sample))
        strip = plot_strip(
            rows, _in_shape_of(_rgb(query[0]), query[1]),
            _labels(prediction.gt_sem_seg.data),
            _labels(prediction.pred_sem_seg.data), class_names)
        if out_file is None:
            self.add_image(name, strip, step)
        else:
            mmcv.imwrite(mmcv.rgb2bgr(strip), out_file)

    @master_only
    def add_image(self, name: str, image: np.ndarray, step: int = 0) -> None:
        """Give a picture to all backends.

        The backend of MLflow takes the format of the file from the name, and
        does not write the step.

        Args:
            name (str): Name of the picture.
            image (np.ndarray): The picture, (H, W, 3) uint8 RGB.
            step (int): Step of the training. Defaults to 0.
        """
        for backend in self._vis_backends.values():
            of_mlflow = isinstance(backend, MLflowVisBackend)
            backend.add_image(
                f'{name}_{step}.png' if of_mlflow else name, image, step)


def _rgb(image: Tensor) -> np.ndarray:
    return image.byte().flip(0).permute(1, 2, 0).contiguous().cpu().numpy()


def _labels(data: Tensor) -> np.ndarray:
    return data.squeeze(0).cpu().numpy()


def _in_shape_of(picture: np.ndarray, sample: SegDataSample) -> np.ndarray:
    """Undo a resize that has changed the aspect."""
    return mmcv.imresize(picture, sample.ori_shape[1::-1])
