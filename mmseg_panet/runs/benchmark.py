"""The benchmark of a config: training and testing of every fold."""
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmengine.config import Config

from ..config.config_file import read_config
from ..datasets.folds import split_classes
from ..errors import InputError, check_number
from ..evaluation.benchmark_tables import Cell, format_csv, format_markdown
from ..files import write_atomic, write_lines
from ..json_text import read_json
from ..locks import folder_lock
from .checkpoint import sha256
from .subcommand import run_subcommand


@dataclass(frozen=True)
class Benchmark:
    """A benchmark that trains a model for every fold and tests it.

    Each fold is trained once and tested with every number of shots. The
    training takes its episodes from the config. The flags of the tests set
    their W, S and Q only. In ``work_dir``, ``fold<f>/training`` contains the
    checkpoints of a training, and ``fold<f>/<S>shots-<model>`` contains the
    ``result.json`` of a test. The ``settings.json`` in each of these folders
    records the settings. A test with other settings is run again, and a
    training with other settings is refused.

    Attributes:
        config (str): Path or name of the config.
        folds (Sequence[int]): Folds to train and test.
        shots (Sequence[int]): Numbers of shots of the tests.
        work_dir (Path): Folder of all files that are written.
        cfg (Config): Config as the subcommands will load it, except for the
            fold.
        untrained (bool): Whether the model before training is tested, too.
            Defaults to False.
        flags (Sequence[str]): Further arguments of the training and the tests.
        test_flags (Sequence[str]): Further arguments of the tests only.
        cfg_options (Sequence[str]): ``--cfg-options`` of the training and the
            tests, as ``KEY=VALUE``.
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
        """Run all jobs that are not finished yet, and print their numbers.

        Raises:
            InputError: If a fold or a number of shots is repeated, if the
                config has no such fold, if a training in ``work_dir`` has
                other settings, or if another benchmark writes to it.
            subprocess.CalledProcessError: If a subcommand fails. Finished
                jobs are kept.
        """
        self._check_folds_and_shots()
        with folder_lock(self.work_dir):
            self._run()

    def _run(self) -> None:
        self._check_trainings()
        for fold in self.folds:
            _write_settings(self._training_dir(fold), self._settings)
        rows = self._rows()
        results = {cell: result for row in rows for cell in row
                   if (result := self._finished(cell)) is not None}
        self._write_tables(results)
        jobs = [  # None stands for the training of the fold.
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
        """List the rows of the table, each with the tests of all folds."""
        models = (False, True) if self.untrained else (True,)
        return [
            [Cell(fold, shots, trained) for fold in self.folds]
            for trained in models for shots in self.shots]

    @cached_property
    def _settings(self) -> dict:
        """The settings that determine the result of a training."""
        return {'config_sha256': _config_sha256(self.cfg),
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
                'set it to the number of training steps')
        return self._training_dir(fold) / f'iter_{max_iters}.pth'

    def _is_trained(self, fold: int) -> bool:
        """Return whether the last checkpoint of a training is complete.

        mmengine records the name of a checkpoint after it has written it.
        """
        final = self._checkpoint(fold)
        return final.is_file() and _latest(final.parent) == final.name

    def _check_folds_and_shots(self) -> None:
        for name, values in (('folds', self.folds), ('shots', self.shots)):
            if len(set(values)) < len(values):
                raise InputError(
                    f'expected each of --{name} once, got '
                    f"{' '.join(map(str, values))}; remove the repetitions")
        for number in self.shots:
            check_number('--shots', number, least=1, integer=True)
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
        """Check all trainings in the work dir, which is for one model."""
        for path in sorted(self.work_dir.glob('fold*/training/settings.json')):
            folder, before = path.parent, _read_json(path)
            if (before not in (None, self._settings)
                    and any(folder.glob('*.pth'))):
                raise InputError(
                    f'{folder} was trained with {_name(before)}, expected '
                    f'{_name(self._settings)}; choose another --work-dir, '
                    f'delete {folder}, or delete {path} to keep the training')

    def _train(self, fold: int) -> None:
        folder = self._training_dir(fold)
        # With --resume, mmengine prefers load_from of the config to the last
        # checkpoint.
        resumes = _latest(folder) is not None
        self._call(
            'train', '--fold', fold, '--work-dir', folder,
            flags=['--resume'] * resumes, options=['load_from=None'] * resumes)

    def _test(self, cell: Cell) -> dict:
        folder = self._test_dir(cell)
        path = folder / 'result.json'
        # It is written last and marks the result as complete.
        (folder / 'settings.json').unlink(missing_ok=True)
        checkpoint = self._checkpoint(cell.fold) if cell.trained else 'none'
        self._call(
            'test', checkpoint, '--fold', cell.fold, '--shots', cell.shots,
            '--work-dir', folder, '--out', path, flags=self.test_flags)
        _write_settings(folder, self._test_settings(cell))
        return read_json(path)

    def _finished(self, cell: Cell) -> dict | None:
        """Read the result of a test, if it has these settings."""
        folder = self._test_dir(cell)
        if cell.trained and not self._is_trained(cell.fold):
            return None
        made_with = _read_json(folder / 'settings.json')
        return (_read_json(folder / 'result.json')
                if made_with == self._test_settings(cell) else None)

    @cached_property
    def _test_config(self) -> dict:
        """The hash of the config of ``--test-config``, if there is one."""
        words = list(self.test_flags)
        if '--test-config' not in words:
            return {}
        config = words[1 + words.index('--test-config')]
        return {'test_config_sha256': _config_sha256(read_config(config))}

    def _test_settings(self, cell: Cell) -> dict:
        digest = sha256(self._checkpoint(cell.fold)) if cell.trained else None
        return dict(self._settings, test_flags=list(self.test_flags),
                    checkpoint_sha256=digest, **self._test_config)

    def _call(self, name: str, *arguments: object,
              flags: Sequence[str] = (), options: Sequence[str] = ()) -> None:
        run_subcommand(name, self.config, *arguments, *self.flags, *flags,
                       *self._options(*options))

    def _write_tables(self, results: dict[Cell, dict]) -> None:
        title, rows = Path(self.config).stem, self._rows()
        for suffix, text in (('csv', format_csv(results, rows)),
                             ('md', format_markdown(title, results, rows))):
            write_atomic(self.work_dir / f'benchmark.{suffix}', text.encode())


def _config_sha256(cfg: Config) -> str:
    content = json.dumps(cfg.to_dict(), sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def _latest(folder: Path) -> str | None:
    """Return the name of the last checkpoint that mmengine recorded."""
    note = folder / 'last_checkpoint'
    return Path(note.read_text(
        errors='replace').strip()).name if note.is_file() else None


def _name(settings: dict) -> str:
    return (f"{' '.join(settings['flags']) or 'no flags'} (config "
            f"{settings['config_sha256'][:12]})")


def _read_json(path: Path) -> dict | None:
    """Read a file; the result is None if it is missing or incomplete."""
    try:
        return read_json(path) or None
    except (OSError, ValueError):
        return None


def _write_settings(folder: Path, settings: dict) -> None:
    write_lines(folder / 'settings.json', [json.dumps(settings, indent=2)])
