"""Compare the methods of classification on the same episodes.

Untrained ResNets on MSRC-7i and on the dogs, cats, cows, horses and sheep of
PASCAL VOC. Every method is tested as `mmseg-panet test` does it, on the same
manifest, and compared with prototypes as `mmseg-panet compare` does. What is
finished is not tested again; --table prints what there is.
"""
import argparse
import json
from itertools import product
from pathlib import Path

from mmengine.config import Config

from mmseg_panet.cli.exit import exit_on_input_error
from mmseg_panet.config.support_annotation import (
    SUPPORT_ANNOTATIONS,
    set_support_annotation,
)
from mmseg_panet.evaluation.comparison import compare, read_pair
from mmseg_panet.runs.testing import few_shot_metric, test, write_result
from mmseg_panet.table import format_table

from . import REPO

BACKBONES = {
    'r18': ('panet_r18-d8', 'resnet18_torchvision_stages1-3_bncalib.pth', {}),
    'r50': ('panet_r50-d8', 'resnet50_caffe_stages1-3.pth',
            dict(style='caffe')),
    'r18-s23': ('panet_r18-d8-s23',
                'resnet18_torchvision_stages1-3_bncalib.pth', {}),
    'r50-s23': ('panet_r50-d8-s23', 'resnet50_caffe_stages1-3.pth',
                dict(style='caffe')),
}
SETTINGS = [(1, 1), (1, 5), (2, 5), (5, 5)]
"""Ways and shots."""
DATA = ['msrc0', 'msrc1', 'msrc2', 'voc']
METHODS = {
    'prototypes': (dict(type='PrototypeClassifier'), False),
    'discriminant': (dict(type='DiscriminantClassifier'), False),
    'refinement': (dict(type='AutoClassifier'), False),
    'auto': (dict(type='AutoClassifier'), True),
    'presence': (dict(type='AutoClassifier', presence=0.8), True),
}
"""The classifiers, and whether the logits follow the edges."""
ANIMALS = ['cat', 'cow', 'dog', 'horse', 'sheep']


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.methods', description=__doc__)
    parser.add_argument(
        '--data', type=Path, required=True, metavar='DIR',
        help='folder with msrc_v2, voc_animals and weights')
    parser.add_argument(
        '--out', type=Path, default=REPO / 'work_dirs/methods', metavar='DIR')
    parser.add_argument('--backbones', nargs='+', default=['r18'],
                        choices=list(BACKBONES))
    parser.add_argument('--on', nargs='+', default=DATA, choices=DATA)
    parser.add_argument('--methods', nargs='+', default=list(METHODS)[:4],
                        choices=list(METHODS))
    parser.add_argument(
        '--settings', nargs='+', default=SETTINGS, metavar='WAYS,SHOTS',
        type=lambda text: tuple(map(int, text.split(','))))
    parser.add_argument(
        '--annotation', default='mask', choices=list(SUPPORT_ANNOTATIONS))
    parser.add_argument('--episodes', type=int, default=200, metavar='N')
    parser.add_argument('--workers', type=int, default=0, metavar='N')
    parser.add_argument('--table', action='store_true',
                        help='only print what is finished')
    return parser.parse_args()


def config_of(args: argparse.Namespace, backbone: str, data: str, ways: int,
              shots: int, method: str) -> Config:
    """Put the config of a test together."""
    name, weights, extra = BACKBONES[backbone]
    classifier, edges = METHODS[method]
    cfg = Config.fromfile(REPO / f'configs/_base_/models/{name}.py')
    source = 'pascal5i' if data == 'voc' else 'msrc7i'
    for part in (f'datasets/{source}.py', 'default_runtime.py'):
        base = Config.fromfile(REPO / f'configs/_base_/{part}')
        cfg.merge_from_dict(base.to_dict())
    dataset = cfg.test_dataloader.dataset
    size = (225, 225)
    if data == 'voc':
        size = (321, 321)
        images = dict(
            type='PascalVOCDataset', data_root=str(args.data / 'voc_animals'),
            ann_file='ImageSets/dev.txt', data_prefix=dict(
                img_path='JPEGImages', seg_map_path='SegmentationClassAug'))
        dataset.update(pools=dict(val=images), folds=[ANIMALS], fold=0,
                       min_area=0.02)
    else:
        dataset.update(fold=int(data[-1]))
        for pool in dataset.pools.values():
            pool.data_root = str(args.data / 'msrc_v2')
    for step in (*dataset.support_pipeline, *dataset.query_pipeline):
        if step.type == 'Resize':
            step.scale = size
    dataset.update(num_ways=ways, num_shots=shots, num_runs=1,
                   num_episodes=args.episodes, episodes_seed=1234)
    cfg.test_dataloader.update(
        num_workers=args.workers, persistent_workers=args.workers > 0)
    model = cfg.model
    model.data_preprocessor.size = size
    model.backbone.update(
        dilate_both=True, init_cfg=dict(
            type='Pretrained', checkpoint=str(args.data / 'weights' / weights)
        ), **extra)
    model.decode_head.classifier = dict(classifier)
    model.test_cfg.edges = edges
    cfg.test_cfg = dict(type='FewShotTestLoop')
    cfg.test_evaluator = dict(type='FewShotIoUMetric')
    cfg.default_scope = 'mmseg'
    cfg.train_dataloader = cfg.val_dataloader = cfg.val_evaluator = None
    set_support_annotation(cfg, args.annotation)
    return cfg


def measure(args: argparse.Namespace, *case: str | int) -> None:
    """Test one method, unless it is done."""
    path = file_of(args, *case)
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    cfg = config_of(args, *case)
    cfg.work_dir = str(args.out / 'logs')
    cfg.experiment_name = path.stem + path.parent.name
    few_shot_metric(cfg)['counts_file'] = str(path.with_suffix('.npz'))
    result = test(cfg, None)
    write_result(result, path)
    print(*case, f"mIoU {result['mIoU']:.2f}", flush=True)


def file_of(args: argparse.Namespace, backbone: str, data: str, ways: int,
            shots: int, method: str) -> Path:
    """Name the file of a result."""
    case = f'{backbone}-{data}-{ways}way-{shots}shot-{args.annotation}'
    return args.out / case / f'{method}.json'


def table(args: argparse.Namespace) -> str:
    """Lay out the mIoU of all that is finished.

    The last column is the difference of the last method and the first, with
    its 95% interval.
    """
    rows = [['backbone', 'data', 'episodes', *args.methods, 'gain']]
    for backbone, data, (ways, shots) in product(
            args.backbones, args.on, args.settings):
        paths = [file_of(args, backbone, data, ways, shots, method)
                 for method in args.methods]
        if not all(path.is_file() for path in paths):
            continue
        gain = compare(*read_pair(paths[0], paths[-1]))[0]
        rows.append([
            backbone, data, f'{ways}-way {shots}-shot',
            *(f"{json.loads(path.read_text())['mIoU']:.1f}"
              for path in paths),
            f'{gain.b - gain.a:+.1f} [{gain.low:.1f}, {gain.high:.1f}]'])
    return format_table(rows, left=(0, 1, 2))


def main() -> None:
    """Run all that is asked for."""
    args = parse_args()
    for backbone, data, (ways, shots), method in product(
            args.backbones, args.on, args.settings, args.methods):
        if not args.table:
            measure(args, backbone, data, ways, shots, method)
    print(table(args))


if __name__ == '__main__':
    with exit_on_input_error():
        main()
