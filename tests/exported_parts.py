"""A tiny network with two classes, as it is exported."""
import numpy as np
from inference_parts import RESIZE, image_of, red_and_blue, small_inferencer

from mmseg_panet.export.agreement import OnnxSegmentor, agreements
from mmseg_panet.export.exported_classes import linear_classes, select_classes
from mmseg_panet.export.onnx_file import write_onnx
from mmseg_panet.export.segmentation_graph import SegmentationGraph

SIZES = [(60, 80), (90, 47), (65, 65), (130, 131), (31, 240)]
PHOTOGRAPHS = [
    image_of((20, 20, 230), size, (3, 4, 25, 20), seed)[0]
    for seed, size in enumerate(SIZES)]


def small_network(classifier='PrototypeClassifier', refine=False, **model):
    """Build it, and leave out what is not exported."""
    inferencer = small_inferencer(RESIZE, classifier=classifier, model=model)
    network = inferencer.fit(red_and_blue())._network
    select_classes(network.model, refine)
    return network


def exported(path, network, opened=False, half=False, **settings):
    """Export a network, and open the graph."""
    classes = linear_classes(network.model) if opened else None
    write_onnx(path, SegmentationGraph(
        network.model, network.support_pipeline, half), dict(names='a'),
        classes=classes, **settings)
    return OnnxSegmentor(path, {} if classes is None else dict(zip(
        ('weight', 'bias'), (one.numpy() for one in classes), strict=True)))


def percent(network, segmentor, images=PHOTOGRAPHS):
    """Return the pixels of the same class, checked in batches as well."""
    found = list(agreements(network, segmentor, images))
    batch = np.stack(3 * [images[0][..., ::-1]])
    batch[1] = 255 - batch[1]
    for labels, one in zip(segmentor(batch), batch, strict=True):
        np.testing.assert_array_equal(labels, segmentor(one[None])[0])
    return 100 * sum(one.equal for one in found) / sum(
        one.pixels for one in found)
