"""The cost of the classifiers, against the encoder and prototypes."""
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from mmengine.runner import load_checkpoint
from torch import Tensor, nn

from mmseg_panet.datasets.sampling import Episode
from mmseg_panet.engine.few_shot_test_loop import _VALUES_AT_ONCE
from mmseg_panet.engine.labelled_images import LabelledImage
from mmseg_panet.engine.support_table import SupportRows, SupportTable
from mmseg_panet.evaluation.iou import label_confusion
from mmseg_panet.models import SupportStatistics
from mmseg_panet.models.bank.bank_tensors import to_tensors
from mmseg_panet.models.classifiers import build_classifier
from mmseg_panet.models.image_maps import image_map

from .case import Case, build_model, noise_batch
from .row import Row
from .timing import in_turn, medians, ratio_of, timed

METHODS = {
    'prototypes': (None, False),
    'discriminant': (dict(type='DiscriminantClassifier'), False),
    'auto': ('auto', True),
    'auto without edges': ('auto', False),
}
"""The classifiers, and whether the logits follow the edges."""
WEIGHTS = {'ResNet-18': 'resnet18_torchvision_stages1-3_bncalib.pth',
           'ResNet-50': 'resnet50_caffe_stages1-3.pth'}
EPISODES = 5 * 1000
IMAGES = 200
"""Distinct images of a test on MSRC-7i, as supports and as queries."""
ROUNDS = 9


class Method:
    """A method, with its statistics and classes of a case.

    Args:
        model (nn.Module): The segmentor, in evaluation.
        classifier (dict | str, optional): See :func:`build_classifier`.
        edges (bool): Whether the logits follow the edges.
        images (Tensor): (S + 1, 3, H, W), supports and a query.
        samples (list): Their samples.
    """

    def __init__(self, model: nn.Module, classifier: dict | str | None,
                 edges: bool, images: Tensor, samples: list) -> None:
        self.model, self.head = model, model.decode_head
        self.classifier = build_classifier(classifier).to(images.device)
        self.classifier.eval()
        self.edges = edges
        self.query, self.samples = images[-1], samples
        features = model.extract_feat(images)
        self.of_supports = [one[:-1] for one in features]
        self.of_query = [one[-1:] for one in features]
        self.shots = len(images) - 1
        self.fit()
        self.fitted = self.head.fitted
        one = self.rows()
        # A table has a row for each image; here all are of one image.
        self.rows_of_table = SupportRows.from_statistics(
            one.each(lambda a: a[0]))
        self.table = SupportTable(
            [LabelledImage(image, (0,)) for image in range(self.shots)],
            [self.rows_of_table] * self.shots, images.device)

    def _choose(self) -> None:
        self.head.classifier = self.classifier
        self.model.test_cfg['edges'] = self.edges

    def fit(self) -> None:
        """Fit the supports, whose features are known."""
        self._choose()
        self.head.fit(self.of_supports, self.samples[:-1])

    def match(self) -> Tensor:
        """Label the pixels of the query, whose features are known."""
        self._choose()
        features = self.head.features(self.of_query)
        return image_map(
            self.model, self.head.match(features, self.fitted)[0],
            self.query, self.samples[-1].metainfo).labels()

    def rows(self) -> SupportStatistics:
        """Measure a support as the test does that visits each image once."""
        self._choose()
        features = self.head.features([one[:1] for one in self.of_supports])
        return self.head.class_statistics(
            features, self.head.labels(self.samples[:1]), 1)

    def episodes(self, number: int) -> None:
        """Fit and match the episodes that ask for a query in such a test."""
        self._choose()
        episode = Episode(
            0, 0, (0,), (tuple(range(self.shots)),), (self.shots,), (1,))
        feature = self.head.features(self.of_query)[0]
        labels = self.samples[-1].gt_sem_seg.data[0]
        step = max(1, _VALUES_AT_ONCE // max(
            labels.numel(), self.table.values(1, self.shots)))
        for start in range(0, number, step):
            some = min(step, number - start)
            fitted = self.table.fit(
                self.classifier, [episode] * some, feature.dtype)
            label_confusion(
                self.model.label_maps(
                    feature, self.query, self.samples[-1].metainfo, fitted),
                labels, 1, 2)


def measure(net: str, data: Path, device: torch.device,
            under: float) -> list[Row]:
    """Time all methods at 321 x 321 pixels, 1-way 5-shot.

    Args:
        net (str): Of :data:`WEIGHTS`.
        data (Path): Folder that may have ``weights``; otherwise random ones.
        device (torch.device): The CPU or a GPU.
        under (float): What 'auto' may cost, in percent of the encoder.
    """
    case = Case(net, 321, 1, 5)
    model = build_model(case, None, device).eval()
    path = data / 'weights' / WEIGHTS[net]
    if path.is_file():
        load_checkpoint(model.backbone, str(path), 'cpu')
    batch = model.data_preprocessor(noise_batch(case))
    images, samples = batch['inputs'], batch['data_samples']
    said = f"{case}, {'real' if path.is_file() else 'random'} weights"
    with torch.no_grad():
        methods = {
            name: Method(model, *settings, images, samples)
            for name, settings in METHODS.items()}
        return [
            *_fits(model, methods, images, said),
            *_queries(model, methods, images, said, under),
            *_tests(model, methods, images, said),
            *_memory(methods, said)]


def _fits(model: nn.Module, methods: dict[str, Method], images: Tensor,
          said: str) -> list[Row]:
    calls: dict[str, Callable[[], object]] = {
        'encoder': lambda: model.extract_feat(images[:-1])}
    calls |= {name: methods[name].fit
              for name in ('prototypes', 'discriminant', 'auto')}
    seconds = _timed(calls, images.device)
    return [
        _percent(f'fit of 5 supports, {name}', said, 'fit / encoder of 5',
                 seconds, {name: 1}, {'encoder': 1})
        for name in list(calls)[1:]]


def _queries(model: nn.Module, methods: dict[str, Method], images: Tensor,
             said: str, under: float) -> list[Row]:
    calls: dict[str, Callable[[], object]] = {
        'encoder': lambda: model.extract_feat(images[-1:])}
    calls |= {name: one.match for name, one in methods.items()}
    seconds = _timed(calls, images.device)
    return [
        _percent('a query, discriminant over prototypes', said,
                 '(discriminant - prototypes) / (encoder + prototypes)',
                 seconds, {'discriminant': 1, 'prototypes': -1},
                 {'encoder': 1, 'prototypes': 1}, 5),
        *(_percent(f'a query, {name}', said, 'all but the encoder / encoder',
                   seconds, {name: 1}, {'encoder': 1},
                   under if name == 'auto' else None)
          for name in methods)]


def _tests(model: nn.Module, methods: dict[str, Method], images: Tensor,
           said: str) -> list[Row]:
    names = ('prototypes', 'discriminant', 'auto')
    number = EPISODES // IMAGES
    calls: dict[str, Callable[[], object]] = {
        'encoder': lambda: model.extract_feat(images[-1:])}
    for name in names:
        calls[f'{name}, support'] = methods[name].rows
        calls[f'{name}, query'] = partial(methods[name].episodes, number)
    seconds = _timed(calls, images.device, 5)
    totals = {
        name: [IMAGES * (2 * encoder + support + query)
               for encoder, support, query in zip(
                   seconds['encoder'], seconds[f'{name}, support'],
                   seconds[f'{name}, query'], strict=True)]
        for name in names}
    return [Row(
        f'a test of 5 x 1000 episodes, {name}', said, f'{name} / prototypes',
        *ratio_of(totals[name], totals['prototypes']), 5, under=3,
        seconds=medians({
            one: totals[one] for one in ('prototypes', name)}),
        remark=f'{IMAGES} images as supports and as queries, each of '
        f'{number} episodes: one of them timed, scaled, without loading')
        for name in names[1:]]


def _memory(methods: dict[str, Method], said: str) -> list[Row]:
    rows = []
    for name in ('prototypes', 'discriminant'):
        one = methods[name]
        support = one.rows().each(lambda a: a[0])
        if support.moments is not None:  # a bank rounds them
            support = replace(support, moments=support.moments.float())
        for figure, kept in (
                ('a support in the table of a test', [
                    part for part in one.rows_of_table if part is not None]),
                ('a class and support in a bank',
                 to_tensors([support])[0].values())):
            size = sum(part.nbytes for part in kept) / 1000
            rows.append(Row(
                f'{figure}, {name}', said, 'bytes', size, size, size, 1,
                unit=' kB', under=200))
    return rows


def _timed(calls: dict[str, Callable[[], object]], device: torch.device,
           rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Time in alternation, each with the caches that it leaves."""

    def warm(call: Callable[[], object]) -> Callable[[], float]:
        seconds = timed(call, device)
        return lambda: (seconds(), seconds())[1]

    return in_turn(
        {name: warm(call) for name, call in calls.items()}, rounds)


def _percent(figure: str, said: str, compared: str,
             seconds: dict[str, list[float]], above: dict[str, int],
             below: dict[str, int], under: float | None = None) -> Row:
    """Compare weighted sums of what was timed."""
    sums = [
        [sum(sign * one for sign, one in zip(
            parts.values(), of_round, strict=True))
         for of_round in zip(*(seconds[name] for name in parts), strict=True)]
        for parts in (above, below)]
    value, low, high = (100 * one for one in ratio_of(*sums))
    names = dict.fromkeys([*above, *below])
    return Row(
        figure, said, compared, value, low, high, len(sums[0]), unit='%',
        under=under, seconds=medians({one: seconds[one] for one in names}))
