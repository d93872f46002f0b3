"""Plot the pictures of docs/equations.md from the free photographs."""
import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import mmcv
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.cli.inferencer_arguments import (
    add_model_arguments,
    read_model,
)
from mmseg_panet.inference.images.image_pipeline import build_pipeline
from mmseg_panet.models import (
    DiscriminantClassifier,
    PrototypeClassifier,
    QueryRefinement,
    SupportStatistics,
)
from mmseg_panet.models.resize import (
    pooling,
    resize_matrix,
    size_metainfo,
)

PHOTOS = Path(__file__).parent / 'photos'
EXAMPLES = [
    PHOTOS / f'support/windmill/{name}.jpg' for name in (
        'khokhlovka', 'podgoschi')]
QUERY = PHOTOS / 'photos/windmill_chesterton.jpg'
KEEP = 0.3  # that of QueryRefinement


def parse_args() -> argparse.Namespace:
    """Read the arguments of the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_model_arguments(parser)
    parser.add_argument('out', type=Path, help='the folder of the pictures')
    return parser.parse_args()


@torch.no_grad()
def features_of(inferencer: FewShotInferencer, path: Path) -> Tensor:
    """Compute the features (1, C, h, w) of an image file."""
    model = inferencer.model
    data = build_pipeline(inferencer.image_steps)(dict(img=mmcv.imread(path)))
    inputs = model.data_preprocessor(pseudo_collate([data]))['inputs']
    return model.decode_head.features(model.extract_feat(inputs))


def mask_of(path: Path) -> Tensor:
    """Read the mask (H, W) of an example, 0 or 1."""
    mask = mmcv.imread(path.with_suffix('.png'), 'grayscale')
    return torch.from_numpy(mask > 0).float()


def weights_of(features: Tensor, mask: Tensor) -> Tensor:
    """Compute the pixels (2, h, w) of each cell outside and inside a mask."""
    resize = pooling(
        features.shape[2:], size_metainfo(mask.shape), like=features)
    return resize.adjoint(torch.stack([1 - mask, mask]))


def fitted(classifier: nn.Module, examples: list[Tensor],
           masks: list[Tensor]) -> nn.Module:
    """Fit a classifier to examples of one class."""
    weights = torch.stack([
        weights_of(features, mask)
        for features, mask in zip(examples, masks, strict=True)])
    supports = SupportStatistics.from_weights(
        torch.cat(examples), weights, classifier.needs,
        classifier.unit_cells)
    return classifier.fit(
        supports.each(lambda one: one[None]), [len(examples)])


def show(axis: Axes, title: str, image: np.ndarray,
         cells: Tensor | None = None, limit: float = 0, **style: str
         ) -> None:
    """Show an image, or values of its cells in its place."""
    axis.set_title(title, size=9)
    axis.set_xticks([])
    axis.set_yticks([])
    height, width = image.shape[:2]
    if cells is None:
        axis.imshow(image)
        return
    axis.imshow(
        cells.numpy(), extent=(0, width, height, 0), interpolation='nearest',
        vmin=-limit if limit else None, vmax=limit or None, **style)


def masked(image: np.ndarray, margins: Tensor) -> np.ndarray:
    """Darken what is not the class, by margins (h, w) over the background."""
    rows, columns = (
        resize_matrix(cells, pixels, like=margins)
        for cells, pixels in zip(margins.shape, image.shape[:2], strict=True))
    inside = (rows @ margins @ columns.T > 0).numpy()
    return np.where(inside[..., None], image, image // 5)


def panels(number: int, image: np.ndarray) -> tuple[Figure, list[Axes]]:
    """Make a row of pictures as high as the image needs."""
    height, width = image.shape[:2]
    figure, axes = plt.subplots(
        1, number, layout='constrained', squeeze=False,
        figsize=(10, 10 / number * height / width + 0.3))
    return figure, list(axes[0])


def plot_pooling(image: np.ndarray, features: Tensor, mask: Tensor
                 ) -> Figure:
    """Plot a mask and the weights that its adjoint resize gives to cells."""
    figure, axes = panels(4, image)
    weights = weights_of(features, mask)[1]
    # The channel that differs most inside and outside of the mask.
    inside = weights / weights.max()
    channel = int(((inside - inside.mean()) * features[0]).sum(
        (1, 2)).div(features[0].std((1, 2))).argmax())
    pixels, cells = (
        ' x '.join(map(str, one.shape)) for one in (mask, weights))
    show(axes[0], 'photograph', image)
    show(axes[1], f'mask $M$, {pixels} pixels', image, mask, cmap='gray')
    show(axes[2], f'up$^T$($M$), {cells} cells', image, weights, cmap='gray')
    show(axes[3], f'one of the channels of $F$, {cells} cells', image,
         features[0, channel], cmap='viridis')
    return figure


def plot_cosine(example: np.ndarray, mask: Tensor, query: np.ndarray,
                cosines: Tensor) -> Figure:
    """Plot cosines (2, h, w) of a query to background and class."""
    figure, axes = panels(5, query)
    show(axes[0], 'example', np.where(mask[..., None] > 0, example,
                                      example // 5))
    show(axes[1], 'query', query)
    for axis, name, one in zip(
            axes[2:], ('background', 'windmill'), cosines, strict=False):
        show(axis, f'cosine to the {name}', query, one, cmap='viridis')
        axis.images[0].set_clim(float(cosines.min()), float(cosines.max()))
    show(axes[4], 'windmill is larger', masked(query, cosines[1] - cosines[0]))
    return figure


def plot_two(query: np.ndarray, margins: dict[str, Tensor]) -> Figure:
    """Plot the margins (h, w) of two classifiers, and their masks."""
    figure, axes = panels(5, query)
    show(axes[0], 'query', query)
    for i, (name, one) in enumerate(margins.items()):
        show(axes[1 + 2 * i], f'margins: {name}', query, one / one.abs().max(),
             1, cmap='RdBu_r')
        show(axes[2 + 2 * i], name, masked(query, one))
    return figure


def plot_rounds(query: np.ndarray, rounds: list[Tensor]) -> Figure:
    """Plot the margins (h, w) of each round, and its certain cells."""
    figure, axes = plt.subplots(
        2, len(rounds), layout='constrained',
        figsize=(8.5, 17 / len(rounds) * query.shape[0] / query.shape[1]
                 + 0.4))
    for number, (one, column) in enumerate(zip(rounds, axes.T, strict=True)):
        show(column[0], f'margins after round {number}' if number
             else 'margins: prototypes', query, one, float(one.abs().max()),
             cmap='RdBu_r')
        height, width = one.shape
        for sign, colour in ((1, 'white'), (-1, 'black')):
            if number + 1 == len(rounds):
                break
            found = sign * one
            count = max(1, round(KEEP * int((found > 0).sum())))
            places = found.flatten().topk(count).indices.numpy()
            column[0].scatter(
                (places % width + 0.5) * query.shape[1] / width,
                (places // width + 0.5) * query.shape[0] / height,
                s=1.2, color=colour, linewidths=0)
        show(column[1], '', masked(query, one))
    return figure


def plot_alignment() -> Figure:
    """Draw both directions of the training as a diagram."""
    figure, axis = plt.subplots(figsize=(10, 2.9), layout='constrained')
    axis.set(xlim=(0, 10), ylim=(0, 2.9))
    axis.set_axis_off()

    def box(x: float, y: float, text: str, colour: str) -> None:
        axis.text(x, y, text, ha='center', va='center', size=10, bbox=dict(
            boxstyle='round,pad=0.5', facecolor=colour, edgecolor='#555555'))

    def arrow(start: tuple[float, float], end: tuple[float, float],
              text: str) -> None:
        axis.annotate('', end, start, arrowprops=dict(
            arrowstyle='-|>', color='#555555', shrinkA=0, shrinkB=0))
        axis.text((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.13,
                  text, ha='center', size=9)

    blue, red, grey = '#d5e5f7', '#f7dcd5', '#eeeeee'
    for y, colour, (first, second, third, loss) in (
            (2.2, blue, ('supports: $F$\nwith their masks',
                         'prototypes $p_0$, $p_k$',
                         'queries: logits $y_0$, $y_k$', '$L_{seg}$')),
            (0.6, red, ('queries: $F$ with the\npredicted masks',
                        'prototypes $q_0$, $q_k$',
                        'supports: logits of\nbackground and way $k$',
                        '$L_{align}$'))):
        for x, text in ((1.1, first), (4.0, second), (7.0, third)):
            box(x, y, text, colour)
        box(9.5, y, loss, grey)
        arrow((1.95, y), (3.25, y), 'mean')
        arrow((4.75, y), (6.0, y), 'cosine')
        arrow((8.0, y), (9.2, y), 'labels')
    axis.annotate('', (1.7, 1.05), (6.6, 1.8), arrowprops=dict(
        arrowstyle='-|>', color='#555555', linestyle='--'))
    axis.text(4.15, 1.6, 'argmax', size=9, ha='center')
    return figure


def main() -> None:
    """Compute the features and write the pictures."""
    args = parse_args()
    inferencer = FewShotInferencer(*read_model(args))
    images = [mmcv.imread(path, channel_order='rgb') for path in EXAMPLES]
    query = mmcv.imread(QUERY, channel_order='rgb')
    examples = [features_of(inferencer, path) for path in EXAMPLES]
    masks = [mask_of(path) for path in EXAMPLES]
    cells = features_of(inferencer, QUERY)

    def logits(classifier: nn.Module, shots: int) -> Tensor:
        found = fitted(classifier, examples[:shots], masks[:shots])
        return found(cells)[0]  # (2, h, w)

    def margins(classifier: nn.Module, shots: int) -> Tensor:
        background, windmill = logits(classifier, shots)
        return windmill - background

    start = dict(type='PrototypeClassifier')
    for name, figure in dict(
            pooling=plot_pooling(images[0], examples[0], masks[0]),
            cosine=plot_cosine(
                images[0], masks[0], query,
                logits(PrototypeClassifier(scale=1), 1)),
            discriminant=plot_two(query, dict(
                prototypes=margins(PrototypeClassifier(), 2),
                discriminant=margins(DiscriminantClassifier(), 2))),
            refinement=plot_rounds(query, [
                margins(QueryRefinement(start, rounds, prior=0), 1)
                for rounds in range(4)])).items():
        figure.savefig(
            args.out / f'equations_{name}.jpg', dpi=110, bbox_inches='tight',
            pad_inches=0.05, pil_kwargs=dict(quality=80))
    plot_alignment().savefig(
        args.out / 'equations_alignment.png', dpi=110, bbox_inches='tight')


if __name__ == '__main__':
    main()
