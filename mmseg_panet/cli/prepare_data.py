"""Prepare a benchmark or your own annotations for training.

This is needed once. Existing files are kept, so that the same command
continues after an interruption.
"""
import argparse
import sys

from ..annotations import (
    convert_coco,
    convert_cvat,
    convert_labelme,
    convert_labelstudio,
    convert_masks,
    convert_roboflow,
    convert_supervisely,
    convert_voc,
    convert_yolo,
)
from ..datasets.benchmarks.coco import prepare_coco_20i
from ..datasets.benchmarks.fss import prepare_fss_1000
from ..datasets.benchmarks.lvis import prepare_lvis_92i
from ..datasets.benchmarks.pascal import prepare_pascal_5i
from ..wording import printable

RESUME_HINT = 'run the same command again to continue; existing files are kept'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    what = parser.add_subparsers(
        dest='what', required=True, metavar='WHAT',
        help='benchmark, or format of the annotations')
    _add_benchmarks(what)
    _add_annotations(what)


def _add_benchmarks(what: argparse._SubParsersAction) -> None:
    pascal = what.add_parser(
        'pascal-5i', help='download VOC 2012 and SBD, and merge their masks')
    pascal.add_argument(
        'root', metavar='ROOT', help='folder to write, which will contain '
        'VOCdevkit and sbd')
    pascal.set_defaults(prepare=prepare_pascal_5i)
    coco = what.add_parser(
        'coco-20i', help='convert the annotations of COCO to 8-bit masks')
    coco.add_argument(
        'root', metavar='ROOT', help='folder that contains annotations, '
        'train2014 and val2014')
    coco.add_argument(
        '--year', type=int, choices=[2014, 2017], default=2014,
        help='year of the COCO images; default: 2014')
    coco.set_defaults(prepare=prepare_coco_20i)
    lvis = what.add_parser(
        'lvis-92i', help='convert the annotations of LVIS v1 to 16-bit masks '
        'and write its folds')
    lvis.add_argument(
        'root', metavar='ROOT', help='folder that contains '
        'lvis_v1_train.json, lvis_v1_val.json, train2017 and val2017')
    lvis.set_defaults(prepare=prepare_lvis_92i)
    fss = what.add_parser(
        'fss-1000', help='check FSS-1000 and write the lists of its classes')
    fss.add_argument(
        'root', metavar='ROOT',
        help='folder that contains a folder for each class')
    fss.add_argument(
        '--test-list', metavar='FILE', help='list of the test classes, one '
        'per line; default: ROOT/test.txt')
    fss.set_defaults(prepare=prepare_fss_1000)


def _add_annotations(what: argparse._SubParsersAction) -> None:
    for name, metavar, convert, text in (
            ('coco', 'PATH', convert_coco, 'COCO annotations (a .json file, '
             'or a folder or a zip file with those of the splits)'),
            ('labelme', 'PATH', convert_labelme, 'JSON files of labelme or '
             'X-AnyLabeling (a folder, a zip file or one of them)'),
            ('cvat', 'PATH', convert_cvat, 'a CVAT export (a zip file or a '
             'folder; COCO, segmentation masks or CVAT for images)'),
            ('labelstudio', 'PATH', convert_labelstudio,
             'a Label Studio export (JSON or JSON-MIN)'),
            ('supervisely', 'PATH', convert_supervisely,
             'a Supervisely project (a folder or a zip file)'),
            ('yolo', 'PATH', convert_yolo,
             'a data set of YOLO (data.yaml, its folder or a zip file)'),
            ('voc', 'PATH', convert_voc, 'a folder with SegmentationClass, as '
             'in PASCAL VOC (or a zip file of it)'),
            ('roboflow', 'PATH', convert_roboflow,
             "Roboflow's Semantic Segmentation Masks (a folder or a zip "
             'file)'),
            ('masks', 'DIR', convert_masks,
             'a folder of masks with ids or colours')):
        parser = what.add_parser(
            name, help=f'convert {text} to masks of class ids')
        parser.add_argument('source', metavar=metavar, help=text)
        parser.add_argument('out', metavar='OUT', help='folder to write')
        parser.add_argument(
            '--image-dir', metavar='DIR', help='folder of the images, to '
            'check that the masks fit')
        if name in ('masks', 'voc'):
            parser.add_argument(
                '--classes-file', metavar='FILE', required=name == 'masks',
                help='file with a line `id name` for each class, or '
                '`id name r,g,b` if the masks have colours')
        if name != 'masks':
            parser.add_argument(
                '--classes', metavar='NAME', nargs='+',
                help='names of the classes, in the order of their ids; '
                'default: all')
        if name in ('coco', 'cvat', 'labelstudio', 'supervisely', 'yolo'):
            parser.add_argument(
                '--boxes', action='store_true', help='fill the boxes of '
                'objects that have no outline')
        parser.set_defaults(convert=convert)


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    settings = vars(args)
    what = settings.pop('what')
    if 'prepare' in settings:
        remarks = settings.pop('prepare')(**settings)
        for remark in remarks:
            print(f'warning: {remark}', file=sys.stderr)
        print(f"{what} is ready in '{printable(settings['root'])}'")
        return
    convert = settings.pop('convert')
    source, out = settings.pop('source'), settings.pop('out')
    classes = convert(source, out, **settings)
    print(f"{len(classes)} classes in '{printable(out)}': "
          f"{', '.join(classes)}")
