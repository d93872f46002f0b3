"""The tables of a benchmark with several folds, shots and models."""
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from ..table import csv_line


class Cell(NamedTuple):
    """One test of a benchmark, which is a cell of its table.

    Attributes:
        fold (int): Fold whose classes are novel.
        shots (int): Number of shots, S.
        trained (bool): Whether the trained model is tested, not the model
            before training.
    """

    fold: int
    shots: int
    trained: bool

    @property
    def model(self) -> str:
        """Name of the model in tables and folders."""
        return 'trained' if self.trained else 'untrained'

    def __str__(self) -> str:
        return f'fold {self.fold}, {self.shots} shots, {self.model}'


def format_csv(results: dict[Cell, dict],
               rows: Sequence[Sequence[Cell]]) -> str:
    """Format the results as CSV, with the means over the folds.

    Args:
        results (dict[Cell, dict]): Results of the finished tests.
        rows (Sequence[Sequence[Cell]]): All tests. Each row has the folds of
            one model and one number of shots. A row gets a mean only if the
            tests of all its folds are finished.

    Returns:
        str: A header, and a line for each finished test and for each mean.
    """
    columns = [
        'model', 'shots', 'fold', 'mIoU', 'std', 'FB-IoU', 'low', 'high',
        'manifest_sha256', 'checkpoint_sha256']
    table: list[dict] = [dict(zip(columns, columns, strict=True))]
    for row in rows:
        name = dict(model=row[0].model, shots=row[0].shots)
        for cell in row:
            if result := results.get(cell):
                low, high = result.get('interval', ('', ''))
                table.append(
                    result | name | dict(fold=cell.fold, low=low, high=high))
        if all(cell in results for cell in row):
            table.append(name | {'fold': 'mean'} | {
                key: _mean(key, results, row) for key in ('mIoU', 'FB-IoU')})
    return ''.join(
        csv_line(map(line.get, columns)) + '\n' for line in table)


def format_markdown(title: str, results: dict[Cell, dict],
                    rows: Sequence[Sequence[Cell]]) -> str:
    """Format the results as Markdown.

    Args:
        title (str): Name of the benchmark in the heading.
        results (dict[Cell, dict]): Results of the finished tests.
        rows (Sequence[Sequence[Cell]]): All tests, see :func:`format_csv`.

    Returns:
        str: A heading, a table of the scores, and a table of the episodes
        and checkpoints that were tested.
    """
    scores = [['model', 'shots', *(f'fold {cell.fold}' for cell in rows[0]),
               'mean mIoU', 'mean FB-IoU']]
    scores += [
        [row[0].model, str(row[0].shots),
         *(_score(results.get(cell)) for cell in row),
         *(_rounded(_mean(key, results, row)) for key in ('mIoU', 'FB-IoU'))]
        for row in rows]
    origins = [['fold', 'shots', 'model', 'protocol', 'episodes', 'supports',
                'manifest', 'checkpoint']]
    origins += [
        [str(cell.fold), str(cell.shots), cell.model, *_origin(results[cell])]
        for row in rows for cell in row if cell in results]
    return '\n'.join([
        f'# Benchmark of {title}', '',
        'mIoU over the novel classes in percent, mean ± standard deviation '
        'of the runs,',
        'and its 95% bootstrap interval over the episodes.', '',
        *_table(scores), '',
        'Measured on and with (SHA-256):', '',
        *_table(origins), ''])


def _mean(key: str, results: dict[Cell, dict],
          row: Sequence[Cell]) -> float | None:
    """Average a score over all folds.

    The mean is None if a test is not finished, or if a score is None because
    no class has a pixel.
    """
    scores = [
        score for cell in row
        if (score := results.get(cell, {}).get(key)) is not None]
    return fmean(scores) if len(scores) == len(row) else None


def _rounded(score: float | None) -> str:
    return '-' if score is None else f'{score:.1f}'


def _score(result: dict | None) -> str:
    if result is None or result['mIoU'] is None:
        return '-'
    text = f"{result['mIoU']:.1f} ± {_rounded(result['std'])}"
    if 'interval' in result:
        low, high = result['interval']
        text += f' [{low:.1f}, {high:.1f}]'
    return text


def _origin(result: dict) -> list[str]:
    return [
        result['protocol'] or "the config's",
        f"{len(result['runs'])} x {result['num_episodes']}, "
        f"{result['num_ways']}-way",
        result['support_annotation'], result['manifest_sha256'],
        result['checkpoint_sha256'] or 'none']


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ['| ' + ' | '.join(row) + ' |' for row in rows]
    return [lines[0], '|' + '---|' * len(rows[0]), *lines[1:]]
