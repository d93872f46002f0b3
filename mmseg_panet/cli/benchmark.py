"""Training and testing of every fold, and the tables of it."""
import argparse
import csv
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean

from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint

from ..datasets.folds import split_classes
from ..errors import InputError
from ..files import write_whole
from ..runs.checkpoint import sha256
from .arguments import add_config_arguments, add_run_arguments, load_config


@dataclass(frozen=True)
class Cell:
    """One test: a cell of the table.

    Attributes:
        fold (int): Whose classes are novel.
        shots (int): S of the test.
        trained (bool): Or as the model is before training.
    """

    fold: int
    shots: int
    trained: bool

    @property
    def model(self) -> str:
        """The model's word in tables and folders."""
        return 'trained' if self.trained else 'untrained'

    def __str__(self) -> str:
        return f'fold {self.fold}, {self.shots} shots, {self.model}'


@dataclass(frozen=True)
class Benchmark:
    """A model of every fold, each trained once and tested with all shots.

    The training's episodes are the config's; W, S and Q of the tests are
    set by their flags alone. In ``work_dir``, ``fold<f>/training`` holds the
    checkpoints and ``fold<f>/<S>shots-<model>`` the ``result.json`` of a
    test. ``settings.json`` in each tells what it was made with: a result of
    other settings is made again, a training of other settings is refused.

    Attributes:
        config (str): The config file.
        folds (Sequence[int]): Which to train and test.
        shots (Sequence[int]): S of the tests.
        work_dir (Path): Of everything that is written.
        tools (Path): Folder of train.py and test.py.
        untrained (bool): Also test the model as it is before training.
            Defaults to False.
        flags (Sequence[str]): Further arguments of both tools.
        test_flags (Sequence[str]): Further arguments of the tests.
        cfg_options (Sequence[str]): ``KEY=VALUE`` for both tools.
    """

    config: str
    folds: Sequence[int]
    shots: Sequence[int]
    work_dir: Path
    tools: Path
    untrained: bool = False
    flags: Sequence[str] = ()
    test_flags: Sequence[str] = ()
    cfg_options: Sequence[str] = ()

    def run(self) -> None:
        """Do what is not done yet, telling which of how many jobs it is.

        Raises:
            InputError: If a fold or a number of shots is repeated, the
                config cannot be read or has no such fold, or a training in
                ``work_dir`` was made with other settings.
            subprocess.CalledProcessError: If a tool fails; what is finished
                stays.
        """
        self._check_folds_and_shots()
        self._check_trainings()
        for fold in self.folds:
            _write(self._training_dir(fold) / 'settings.json',
                   json.dumps(self._settings, indent=2) + '\n')
        cells = [cell for row in self._rows() for cell in row]
        results = {
            cell: result for cell in cells
            if (result := self._finished(cell)) is not None}
        self._write_tables(results)
        jobs: list[tuple[int, Cell | None]] = []  # None: the training
        for fold in self.folds:
            jobs.append((fold, None))
            jobs += [(fold, cell) for cell in cells if cell.fold == fold]
        for number, (fold, cell) in enumerate(jobs, 1):
            done = self._is_trained(fold) if cell is None else cell in results
            print(f'[{number}/{len(jobs)}]', f'test of {cell}' if cell else
                  f'training of fold {fold}',
                  '(done before)' if done else '', flush=True)
            if done:
                continue
            if cell is None:
                self._train(fold)
            else:
                results[cell] = self._test(cell)
                self._write_tables(results)

    def _rows(self) -> list[list[Cell]]:
        """The tests as the table has them: all folds in a row."""
        models = (False, True) if self.untrained else (True,)
        return [
            [Cell(fold, shots, trained) for fold in self.folds]
            for trained in models for shots in self.shots]

    @cached_property
    def _cfg(self) -> Config:
        """The config as the tools will see it, but for the fold."""
        parser = argparse.ArgumentParser()
        add_config_arguments(parser)
        add_run_arguments(parser)
        return load_config(parser.parse_args(
            [self.config, *self.flags, *self._options()]))

    @cached_property
    def _settings(self) -> dict:
        """What decides a training."""
        content = json.dumps(self._cfg.to_dict(), sort_keys=True, default=str)
        return {
            'config_sha256': hashlib.sha256(content.encode()).hexdigest(),
            'flags': [*self.flags, *self._options()],
        }

    def _options(self, *more: str) -> list[str]:
        options = [*self.cfg_options, *more]
        return ['--cfg-options', *options] if options else []

    def _training_dir(self, fold: int) -> Path:
        return self.work_dir / f'fold{fold}' / 'training'

    def _test_dir(self, cell: Cell) -> Path:
        return (self.work_dir / f'fold{cell.fold}'
                / f'{cell.shots}shots-{cell.model}')

    def _checkpoint(self, fold: int) -> Path:
        max_iters = (self._cfg.get('train_cfg') or {}).get('max_iters')
        if max_iters is None:
            raise InputError(
                f'expected train_cfg.max_iters in {self.config}, got none; '
                'configs/_base_/schedules shows some')
        return self._training_dir(fold) / f'iter_{max_iters}.pth'

    def _is_trained(self, fold: int) -> bool:
        """Whether the last checkpoint is there, and whole.

        mmengine notes a checkpoint's name when it has been written.
        """
        final = self._checkpoint(fold)
        return final.is_file() and _latest(final.parent) == final.name

    def _check_folds_and_shots(self) -> None:
        for name, values in (('folds', self.folds), ('shots', self.shots)):
            if len(set(values)) < len(values):
                raise InputError(
                    f'expected each of --{name} once, got '
                    f"{' '.join(map(str, values))}; leave out what is "
                    'repeated')
        loader = self._cfg.get('test_dataloader') or {}
        folds = loader.get('dataset', {}).get('folds')
        for fold in self.folds:
            if folds is not None:
                split_classes(folds, fold, 'novel')
            elif fold != 0:
                raise InputError(
                    f'fold {fold} does not exist: the classes of '
                    f'{self.config} have no folds; give --folds 0')

    def _check_trainings(self) -> None:
        """Also of other folds: a work dir is of one model."""
        for path in sorted(self.work_dir.glob('fold*/training/settings.json')):
            folder = path.parent
            before = _read_json(path)
            if (before not in (None, self._settings)
                    and any(folder.glob('*.pth'))):
                raise InputError(
                    f'{folder} was trained with {_told(before)}, expected '
                    f'{_told(self._settings)}; name another --work-dir, '
                    f'delete {folder}, or delete {path} to take the training '
                    'as it is')

    def _train(self, fold: int) -> None:
        folder = self._training_dir(fold)
        # With --resume mmengine goes on from a config's load_from, where it
        # has one, instead of the last checkpoint.
        how = (['--resume', *self._options('load_from=None')]
               if _latest(folder) else self._options())
        self._call(
            'train.py', '--fold', str(fold), '--work-dir', str(folder),
            *self.flags, *how)

    def _test(self, cell: Cell) -> dict:
        folder = self._test_dir(cell)
        path = folder / 'result.json'
        # Written last, it vouches for the result.
        (folder / 'settings.json').unlink(missing_ok=True)
        self._call(
            'test.py',
            str(self._checkpoint(cell.fold)) if cell.trained else 'none',
            '--fold', str(cell.fold), '--shots', str(cell.shots),
            '--work-dir', str(folder), '--out', str(path),
            *self.flags, *self.test_flags, *self._options())
        _write(folder / 'settings.json',
               json.dumps(self._test_settings(cell), indent=2) + '\n')
        return json.loads(path.read_text())

    def _finished(self, cell: Cell) -> dict | None:
        """The result of a test, if it was made with these settings."""
        folder = self._test_dir(cell)
        if (cell.trained and not self._is_trained(cell.fold)
                or _read_json(folder / 'settings.json')
                != self._test_settings(cell)):
            return None
        return _read_json(folder / 'result.json')

    def _test_settings(self, cell: Cell) -> dict:
        return {
            **self._settings,
            'test_flags': list(self.test_flags),
            'checkpoint_sha256': sha256(str(self._checkpoint(cell.fold)))
            if cell.trained else None,
        }

    def _call(self, tool: str, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, str(self.tools / tool), self.config, *arguments],
            check=True)

    def _write_tables(self, results: dict[Cell, dict]) -> None:
        _write(self.work_dir / 'benchmark.csv',
               format_csv(results, self._rows()))
        _write(self.work_dir / 'benchmark.md', format_markdown(
            Path(self.config).stem, results, self._rows()))


def format_csv(results: dict[Cell, dict],
               rows: Sequence[Sequence[Cell]]) -> str:
    """A line a finished test, and one of the mean over the folds.

    Args:
        results (dict[Cell, dict]): Of the tests that are finished.
        rows (Sequence[Sequence[Cell]]): All tests, the folds of a model and
            a number of shots in a row. A mean is of all folds, or missing.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow([
        'model', 'shots', 'fold', 'mIoU', 'std', 'FB-IoU', 'low', 'high',
        'manifest_sha256', 'checkpoint_sha256'])
    for row in rows:
        for cell in row:
            if result := results.get(cell):
                writer.writerow([
                    cell.model, cell.shots, cell.fold, result['mIoU'],
                    result['std'], result['FB-IoU'],
                    *result.get('interval', ('', '')),
                    result['manifest_sha256'],
                    result['checkpoint_sha256']])
        if all(cell in results for cell in row):
            writer.writerow([
                row[0].model, row[0].shots, 'mean',
                _mean('mIoU', results, row), '',
                _mean('FB-IoU', results, row), '', '', '', ''])
    return text.getvalue()


def format_markdown(title: str, results: dict[Cell, dict],
                    rows: Sequence[Sequence[Cell]]) -> str:
    """The scores, a row a number of shots; then what they are scores of.

    Args:
        title (str): Of the whole.
        results (dict[Cell, dict]): Of the tests that are finished.
        rows (Sequence[Sequence[Cell]]): All tests, the folds of a model and
            a number of shots in a row. A mean is of all folds, or missing.
    """
    scores = [['model', 'shots', *(f'fold {cell.fold}' for cell in rows[0]),
               'mean mIoU', 'mean FB-IoU']]
    origins = [['fold', 'shots', 'model', 'protocol', 'episodes', 'supports',
                'manifest', 'checkpoint']]
    for row in rows:
        means = [
            _rounded(_mean(key, results, row)) for key in ('mIoU', 'FB-IoU')]
        scores.append([
            row[0].model, str(row[0].shots),
            *(_score(results.get(cell)) for cell in row), *means])
        origins += [
            [str(cell.fold), str(cell.shots), cell.model,
             *_origin(results[cell])] for cell in row if cell in results]
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
    """Over all folds; None if one is missing, or null: without a pixel."""
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


def _latest(folder: Path) -> str | None:
    """Name of the last checkpoint that was written whole."""
    if not (folder / 'last_checkpoint').is_file():
        return None  # the host would print that
    return Path(find_latest_checkpoint(str(folder))).name


def _told(settings: dict) -> str:
    return (f"{' '.join(settings['flags']) or 'no flags'} (config "
            f"{settings['config_sha256'][:12]})")


def _read_json(path: Path) -> dict | None:
    """What a file holds, or None where there is no whole one."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _write(path: Path, text: str) -> None:
    """Write whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())
