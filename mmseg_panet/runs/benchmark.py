"""Training and testing of every fold."""
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmengine.config import Config

from ..datasets.folds import split_classes
from ..errors import InputError
from ..evaluation.benchmark_tables import Cell, format_csv, format_markdown
from ..files import write_atomic, write_lines
from .checkpoint import sha256
from .subcommand import run_subcommand


@dataclass(frozen=True)
class Benchmark:
    """A model of every fold, each trained once and tested with all shots.

    The training's episodes are the config's; W, S and Q of the tests are
    set by their flags alone. In ``work_dir``, ``fold<f>/training`` holds the
    checkpoints and ``fold<f>/<S>shots-<model>`` the ``result.json`` of a
    test. ``settings.json`` in each says what it was made with: a result of
    other settings is made again, a training of other settings is refused.

    Attributes:
        config (str): The config file.
        folds (Sequence[int]): Which to train and test.
        shots (Sequence[int]): S of the tests.
        work_dir (Path): Of everything that is written.
        cfg (Config): The config as the subcommands will see it, but for the
            fold.
        untrained (bool): Also test the model as it is before training.
            Defaults to False.
        flags (Sequence[str]): Further arguments of training and tests.
        test_flags (Sequence[str]): Further arguments of the tests.
        cfg_options (Sequence[str]): ``KEY=VALUE`` for both, too.
    """

    config: str
    folds: Sequence[int]
    shots: Sequence[int]
    work_dir: Path
    cfg: Config
    untrained: bool = False
    flags: Sequence[str] = ()
    test_flags: Sequence[str] = ()
    cfg_options: Sequence[str] = ()

    def run(self) -> None:
        """Do what is not done yet, and print which of how many jobs it is.

        Raises:
            InputError: If a fold or a number of shots is repeated, the
                config cannot be read or has no such fold, or a training in
                ``work_dir`` was made with other settings.
            subprocess.CalledProcessError: If a subcommand fails; what is
                finished stays.
        """
        self._check_folds_and_shots()
        self._check_trainings()
        for fold in self.folds:
            _write_settings(self._training_dir(fold), self._settings)
        rows = self._rows()
        results = {cell: result for row in rows for cell in row
                   if (result := self._finished(cell)) is not None}
        self._write_tables(results)
        jobs = [  # None: the training
            (fold, cell) for fold, *tests in zip(
                self.folds, *rows, strict=True) for cell in (None, *tests)]
        for number, (fold, cell) in enumerate(jobs, 1):
            done = self._is_trained(fold) if cell is None else cell in results
            name = f'test of {cell}' if cell else f'training of fold {fold}'
            print(f'[{number}/{len(jobs)}]', name,
                  '(done before)' if done else '', flush=True)
            if not done and cell is None:
                self._train(fold)
            elif not done:
                results[cell] = self._test(cell)
                self._write_tables(results)

    def _rows(self) -> list[list[Cell]]:
        """The tests as the table has them: all folds in a row."""
        models = (False, True) if self.untrained else (True,)
        return [
            [Cell(fold, shots, trained) for fold in self.folds]
            for trained in models for shots in self.shots]

    @cached_property
    def _settings(self) -> dict:
        """What decides a training."""
        content = json.dumps(self.cfg.to_dict(), sort_keys=True, default=str)
        return {'config_sha256': hashlib.sha256(content.encode()).hexdigest(),
                'flags': [*self.flags, *self._options()]}

    def _options(self, *more: str) -> list[str]:
        options = [*self.cfg_options, *more]
        return ['--cfg-options', *options] if options else []

    def _training_dir(self, fold: int) -> Path:
        return self.work_dir / f'fold{fold}' / 'training'

    def _test_dir(self, cell: Cell) -> Path:
        return (self.work_dir / f'fold{cell.fold}'
                / f'{cell.shots}shots-{cell.model}')

    def _checkpoint(self, fold: int) -> Path:
        max_iters = (self.cfg.get('train_cfg') or {}).get('max_iters')
        if max_iters is None:
            raise InputError(
                f'expected train_cfg.max_iters in {self.config}, got none; '
                'configs/_base_/schedules shows some')
        return self._training_dir(fold) / f'iter_{max_iters}.pth'

    def _is_trained(self, fold: int) -> bool:
        """Whether the last checkpoint is there, and complete.

        mmengine notes a checkpoint's name when it has been written.
        """
        final = self._checkpoint(fold)
        return final.is_file() and _latest(final.parent) == final.name

    def _check_folds_and_shots(self) -> None:
        for name, values in (('folds', self.folds), ('shots', self.shots)):
            if len(set(values)) < len(values):
                raise InputError(
                    f'expected each of --{name} once, got '
                    f"{' '.join(map(str, values))}; leave out repetitions")
        loader = self.cfg.get('test_dataloader') or {}
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
            folder, before = path.parent, _read_json(path)
            if (before not in (None, self._settings)
                    and any(folder.glob('*.pth'))):
                raise InputError(
                    f'{folder} was trained with {_name(before)}, expected '
                    f'{_name(self._settings)}; name another --work-dir, '
                    f'delete {folder}, or delete {path} to keep the training')

    def _train(self, fold: int) -> None:
        folder = self._training_dir(fold)
        # With --resume mmengine goes on from a config's load_from, where it
        # has one, instead of the last checkpoint.
        resumes = _latest(folder) is not None
        self._call(
            'train', '--fold', fold, '--work-dir', folder,
            flags=['--resume'] * resumes, options=['load_from=None'] * resumes)

    def _test(self, cell: Cell) -> dict:
        folder = self._test_dir(cell)
        path = folder / 'result.json'
        # Written last, it vouches for the result.
        (folder / 'settings.json').unlink(missing_ok=True)
        checkpoint = self._checkpoint(cell.fold) if cell.trained else 'none'
        self._call(
            'test', checkpoint, '--fold', cell.fold, '--shots', cell.shots,
            '--work-dir', folder, '--out', path, flags=self.test_flags)
        _write_settings(folder, self._test_settings(cell))
        return json.loads(path.read_text())

    def _finished(self, cell: Cell) -> dict | None:
        """The result of a test, if it was made with these settings."""
        folder = self._test_dir(cell)
        if cell.trained and not self._is_trained(cell.fold):
            return None
        made_with = _read_json(folder / 'settings.json')
        return (_read_json(folder / 'result.json')
                if made_with == self._test_settings(cell) else None)

    def _test_settings(self, cell: Cell) -> dict:
        digest = sha256(self._checkpoint(cell.fold)) if cell.trained else None
        return dict(self._settings, test_flags=list(self.test_flags),
                    checkpoint_sha256=digest)

    def _call(self, name: str, *arguments: object,
              flags: Sequence[str] = (), options: Sequence[str] = ()) -> None:
        run_subcommand(name, self.config, *arguments, *self.flags, *flags,
                       *self._options(*options))

    def _write_tables(self, results: dict[Cell, dict]) -> None:
        title, rows = Path(self.config).stem, self._rows()
        for suffix, text in (('csv', format_csv(results, rows)),
                             ('md', format_markdown(title, results, rows))):
            write_atomic(self.work_dir / f'benchmark.{suffix}', text.encode())


def _latest(folder: Path) -> str | None:
    """Name of the last checkpoint; mmengine notes it when it is written."""
    note = folder / 'last_checkpoint'
    return Path(note.read_text().strip()).name if note.is_file() else None


def _name(settings: dict) -> str:
    return (f"{' '.join(settings['flags']) or 'no flags'} (config "
            f"{settings['config_sha256'][:12]})")


def _read_json(path: Path) -> dict | None:
    """What a file holds, or None where there is none or half of one."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _write_settings(folder: Path, settings: dict) -> None:
    write_lines(folder / 'settings.json', [json.dumps(settings, indent=2)])
