"""Export a network with registered classes to ONNX.

The graph maps images (N, H, W, 3) in RGB, of any number and size, to logits
(N, K, H, W), the background first. It contains the resize, the normalisation
and the classes, and needs nothing but onnxruntime, see
examples/onnx_segment.py. With --open, the classes are inputs of the graph,
and OUT.npz contains those of the bank. If OUT ends in .npz, only that file is
written.

The exit code is 0, 1 if fewer than 99.99% of the pixels of --check have the
class that PyTorch gives them, or 2 for bad input.
"""
import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..export.agreement import (
    LEAST,
    Agreement,
    OnnxSegmentor,
    agreements,
)
from ..export.exported_classes import linear_classes, select_classes
from ..export.exported_network import load_network
from ..export.onnx_file import DTYPES, EXPORTERS, require_onnx, write_onnx
from ..export.quantization import quantise
from ..export.segmentation_graph import SegmentationGraph
from ..files import atomic_path, prepare_output, write_arrays
from ..images.reading import ImageReading
from ..inference.images.image_list import ImageItem, list_images
from ..inference.images.image_source import read_image
from ..inference.network import Network
from ..table import format_table
from ..version import __version__
from ..wording import counted, printable
from .inferencer_arguments import (
    add_model_arguments,
    check_existing,
    read_model,
)

_SUFFIXES = ('.onnx', '.npz')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    add_model_arguments(parser)
    parser.add_argument(
        'out', type=Path, metavar='OUT.onnx',
        help='file to write; OUT.npz writes the classes alone, for a graph '
        'that was exported with --open')
    parser.add_argument(
        '--bank', metavar='FILE.safetensors', help='bank of the registered '
        'classes; default: the bank of the model, if it has one')
    parser.add_argument(
        '--refine', action='store_true', help='include the refinement of the '
        'classes by each image, and the edge filter')
    parser.add_argument(
        '--open', action='store_true', help='make the classes inputs of the '
        'graph, so that one file serves all banks of a network')
    parser.add_argument(
        '--dtype', choices=list(DTYPES), default='uint8', help='type of the '
        'images, whose values are 0 to 255; default: uint8')
    parser.add_argument(
        '--exporter', choices=EXPORTERS, default='torchscript',
        help="the exporter of torch.onnx; 'dynamo' takes a minute or more "
        'with --refine; default: torchscript')
    smaller = parser.add_mutually_exclusive_group()
    smaller.add_argument(
        '--fp16', action='store_true',
        help='store and compute backbone and neck in float16')
    smaller.add_argument(
        '--int8', nargs='+', metavar='PATH', help='quantise backbone and '
        'neck to 8 bits, with the ranges of activations in these images; '
        'files, folders or glob patterns')
    parser.add_argument(
        '--check', nargs='+', metavar='PATH', help='images on which the '
        'graph is compared with PyTorch')


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    calibration, checked = _check_paths(args)
    cfg, weights = read_model(args)
    network, meta = load_network(
        cfg, weights, args.bank, args.classifier, args.trust_checkpoint)
    left_out = select_classes(network.model, args.refine)
    if left_out:
        remedy = '' if args.refine else '; see --refine'
        print(f"the graph is exported without {' and '.join(left_out)}"
              f'{remedy}')
    facts = dict(
        classes=json.dumps(meta['classes']),
        palette=json.dumps(np.asarray(meta['palette']).tolist()),
        weights_sha256=network.description['weights_sha256'])
    if network.reading:
        facts['reading'] = json.dumps(network.reading.settings())
    classes_file = args.out.with_suffix('.npz')
    opened = args.open or args.out == classes_file
    classes = linear_classes(network.model) if opened else None
    inputs = {} if classes is None else {
        name: one.numpy() for name, one in zip(
            ('weight', 'bias'), classes, strict=True)}
    if args.out != classes_file:
        graph = SegmentationGraph(
            network.model, network.support_pipeline, args.fp16)
        require_onnx('onnxruntime')
        with atomic_path(args.out) as part:
            write_onnx(
                part, graph, dict(
                    facts, channel_order='rgb', mmseg_panet=__version__),
                args.dtype, args.exporter, classes)
            OnnxSegmentor(part, inputs).check_batches()
            if args.int8:
                quantise(part, (
                    image[..., ::-1] for image in _read(
                        calibration, network.reading)), inputs)
    if opened:
        write_arrays(
            classes_file, **inputs, facts=np.array(json.dumps(facts)))
    if args.out == classes_file:
        return 0
    size = args.out.stat().st_size / 1e6
    print(f"{counted(len(meta['classes']) - 1, 'class', 'classes')} in "
          f'{printable(args.out)}, {size:.1f} MB')
    return _compare(
        network, OnnxSegmentor(args.out, inputs), checked) if checked else 0


def _check_paths(args: argparse.Namespace
                 ) -> tuple[list[ImageItem], list[ImageItem]]:
    """Check all paths, and list the images, before the model is loaded."""
    if args.out.suffix not in _SUFFIXES:
        raise InputError(
            'expected the graph as a .onnx file, or its classes as a .npz '
            f'file, got {args.out}; end the name in .onnx')
    if args.check and args.out.suffix == '.npz':
        raise InputError(
            'expected a .onnx file for --check, which compares a graph, got '
            f'{args.out}; leave out --check')
    if args.int8 and args.exporter != 'torchscript':
        raise InputError(
            "expected the exporter 'torchscript' for --int8, which needs the "
            f"names of modules in the graph, got '{args.exporter}'; leave out "
            '--exporter')
    check_existing(args.bank)
    prepare_output(args.out)
    calibration, checked = (
        list_images(paths) if paths else []
        for paths in (args.int8, args.check))
    return calibration, checked


def _read(items: Sequence[ImageItem], reading: ImageReading
          ) -> Iterator[np.ndarray]:
    return (read_image(item.source, reading) for item in items)


def _compare(network: Network, segmentor: OnnxSegmentor,
             items: Sequence[ImageItem]) -> int:
    """Print the agreement with PyTorch; return the exit code."""
    found = list(agreements(
        network, segmentor, _read(items, network.reading)))
    total = Agreement(*map(sum, zip(*found, strict=True)))
    print(format_table([
        ('image', 'pixels', 'of the same class'),
        *((name, str(one.pixels), f'{one.percent:.4f}%') for name, one in (
            *zip([item.name for item in items], found, strict=True),
            ('all', total)))]))
    return 0 if total.percent >= LEAST else 1
