"""Exported graphs in onnxruntime against PyTorch, on one thread each."""
from pathlib import Path

import cv2
import numpy as np
import torch

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.config.config_file import read_config
from mmseg_panet.export.agreement import OnnxSegmentor, agreements
from mmseg_panet.export.exported_classes import select_classes
from mmseg_panet.export.exported_network import load_network
from mmseg_panet.export.onnx_file import write_onnx
from mmseg_panet.export.quantization import quantise
from mmseg_panet.export.segmentation_graph import SegmentationGraph
from mmseg_panet.inference.network import Network

from .calibration import SOURCES, Photographs
from .row import Row
from .runners import WEIGHTS
from .timing import in_turn, medians, ratio_of, timed

CONFIG = 'panet_r18-d8-s23_imagenet-473x473'
SHOTS = 5
TIMED = 20
CPU = torch.device('cpu')


def measure(data: Path, work_dir: Path, scored: int = 60,
            rounds: int = 5) -> list[Row]:
    """Compare the plain, the refined and the quantised graph."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    work_dir.mkdir(parents=True, exist_ok=True)
    photographs = Photographs(SOURCES['voc'], data)
    (ids, supports, names), = photographs.episodes(
        len(SOURCES['voc'].classes), SHOTS, 1, TIMED + scored)
    bank = work_dir / 'animals.safetensors'
    FewShotInferencer(
        CONFIG, data / WEIGHTS, 'cpu', show_progress=False).fit(
            photographs.supports(ids, supports)).save(bank)
    images = [photographs.image(name) for name in names]
    # Sizes differ, as those of a user's photographs do.
    some = [image[:len(image) - 7 * i, 5 * i:]
            for i, image in enumerate(images[:TIMED])]
    size = f'VOC animals (dev), ResNet-18, 473x473, {len(ids)} classes'
    rows, scores = [], {}
    for name in ('plain', 'refined', 'int8', 'refined int8'):
        network, _ = load_network(
            read_config(CONFIG), str(data / WEIGHTS), str(bank))
        select_classes(network.model, name.startswith('refined'))
        is_int8 = name.endswith('int8')
        path = work_dir / f'{name}.onnx'
        write_onnx(path, SegmentationGraph(
            network.model, network.support_pipeline), {})
        if is_int8:
            quantise(path, (one[..., ::-1] for one in some), {})
        graph = OnnxSegmentor(path, {}, 1)
        found = list(agreements(network, graph, some))
        equal = sum(one.equal for one in found) / sum(
            one.pixels for one in found)
        rows.append(Row(
            f'pixels of another class, {name} graph',
            f'{size}, {TIMED} photographs', 'onnxruntime and PyTorch',
            100 - 100 * equal, 100 - max(one.percent for one in found),
            100 - min(one.percent for one in found), 1, '%',
            under=None if is_int8 else 0.01,
            remark='in brackets: photographs'))
        for batch in (1, 3):
            rows.append(_speed(name, size, network, graph, some, batch,
                               rounds))
        labels = [photographs.labels[one] for one in names[TIMED:]]
        scores[name] = _miou(
            [graph(image[None, ..., ::-1])[0] for image in images[TIMED:]],
            labels, ids)
        scores[f'{name} in PyTorch'] = _miou(
            [network.views([image])[0][0].labels().numpy()
             for image in images[TIMED:]], labels, ids)
        if is_int8:
            lost = scores[f'{name} in PyTorch'] - scores[name]
            rows.append(Row(
                f'mIoU lost by the {name} graph',
                f'{size}, {scored} photographs', 'PyTorch - onnxruntime',
                lost, lost, lost, 1, ' points', under=1,
                remark=f'{scores[name]:.2f} in onnxruntime'))
    return rows


def _speed(name: str, size: str, network: Network, graph: OnnxSegmentor,
           images: list[np.ndarray], batch: int, rounds: int) -> Row:
    """Time images of different sizes, or batches of one size."""
    batches = [np.stack(batch * [image]) for image in images[::batch]]

    def in_pytorch() -> None:
        for one in batches:
            for views in network.views(list(one)):
                views[0].labels()

    def in_onnxruntime() -> None:
        for one in batches:
            graph(one[..., ::-1])

    seconds = in_turn({
        'PyTorch': timed(in_pytorch, CPU),
        'onnxruntime': timed(in_onnxruntime, CPU)}, rounds)
    return Row(
        f'speed, {name} graph, batch {batch}',
        f'{size}, {len(batches)} batches', 'PyTorch / onnxruntime',
        *ratio_of(*seconds.values()), rounds,
        at_least=2 if name.endswith('int8') else 1.3,
        seconds=medians(seconds))


def _miou(found: list[np.ndarray], labels: list[np.ndarray],
          ids: list[int]) -> float:
    """Compute the mean IoU of the classes over images, in percent."""
    counts = np.zeros((len(ids), 2))
    for one, wanted in zip(found, labels, strict=True):
        known = wanted != 255
        for way, class_id in enumerate(ids):
            mine = known & (one == 1 + way)
            theirs = wanted == class_id
            counts[way] += (mine & theirs).sum(), (mine | theirs).sum()
    return float(100 * (counts[:, 0] / counts[:, 1].clip(1)).mean())
