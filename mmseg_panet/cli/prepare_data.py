"""Prepare a benchmark or your own annotations, once, before training.

What is there already is kept, so the same command continues interrupted work.
"""
import argparse
import sys

from ..annotations import (
    convert_coco,
    convert_cvat,
    convert_labelme,
    convert_masks,
)
from ..datasets.benchmarks.coco import prepare_coco_20i
from ..datasets.benchmarks.fss import prepare_fss_1000
from ..datasets.benchmarks.pascal import prepare_pascal_5i

AGAIN = 'the same command continues, and keeps what is there'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    what = parser.add_subparsers(dest='what', required=True, metavar='WHAT')
    _add_benchmarks(what)
    _add_annotations(what)


def _add_benchmarks(what: argparse._SubParsersAction) -> None:
    pascal = what.add_parser(
        'pascal-5i', help='download VOC 2012 and SBD and merge their masks')
    pascal.add_argument(
        'root', metavar='ROOT', help='folder for VOCdevkit and sbd')
    pascal.set_defaults(prepare=prepare_pascal_5i)
    coco = what.add_parser('coco-20i', help="make masks of COCO's objects")
    coco.add_argument(
        'root', metavar='ROOT', help='folder of annotations, train2014 and '
        'val2014')
    coco.add_argument('--year', type=int, choices=[2014, 2017], default=2014)
    coco.set_defaults(prepare=prepare_coco_20i)
    fss = what.add_parser(
        'fss-1000', help='check FSS-1000 and write the lists of its classes')
    fss.add_argument(
        'root', metavar='ROOT', help="folder of the classes' folders")
    fss.add_argument(
        '--test-list', metavar='FILE', help='the test classes, one a line; '
        'defaults to ROOT/test.txt')
    fss.set_defaults(prepare=prepare_fss_1000)


def _add_annotations(what: argparse._SubParsersAction) -> None:
    for name, metavar, convert, text in (
            ('coco', 'ANN', convert_coco, 'a COCO instances_*.json'),
            ('labelme', 'DIR', convert_labelme, "labelme's json files"),
            ('cvat', 'PATH', convert_cvat, "CVAT's export, zip or folder, as "
             'COCO or as segmentation masks'),
            ('masks', 'DIR', convert_masks, 'masks of any form')):
        parser = what.add_parser(name, help=f'{text} to 8-bit masks')
        parser.add_argument('source', metavar=metavar, help=text)
        parser.add_argument('out', metavar='OUT', help='folder to write')
        parser.add_argument(
            '--image-dir', metavar='DIR', help='folder of the images, to '
            'check that they fit')
        if name == 'masks':
            parser.add_argument(
                '--classes-file', metavar='FILE', required=True,
                help='`id name` lines, or `id name r,g,b` for masks in RGB')
        else:
            parser.add_argument(
                '--classes', metavar='NAME', nargs='+',
                help='those to label, in the order of their ids; defaults to '
                'all')
        parser.set_defaults(convert=convert)


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    settings = vars(args)
    what = settings.pop('what')
    if 'prepare' in settings:
        remarks = settings.pop('prepare')(**settings)
        for remark in remarks:
            print(f'warning: {remark}', file=sys.stderr)
        print(f"{what} is ready in '{settings['root']}'")
        return
    convert = settings.pop('convert')
    source, out = settings.pop('source'), settings.pop('out')
    classes = convert(source, out, **settings)
    print(f"{len(classes)} classes in '{out}': {', '.join(classes)}")
