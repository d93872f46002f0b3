"""Runs what a page tells its reader to write, in the reader's folder."""
import glob
import importlib
import json
import multiprocessing
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from unittest import mock

import pytest
import torch
from markdown_pages import PHOTOS, REPO
from mmengine.config import Config
from process_runs import free_port
from shrunk_configs import (
    ITERATIONS,
    save_weights,
    shrink_configs,
)
from small_data import MAKERS, write_data
from tool_runs import command_of, run_here, tool

from mmseg_panet.config.bundled_configs import find_config
from mmseg_panet.config.config_file import read_config
from mmseg_panet.datasets.benchmarks.published import PUBLISHED

SETTING = re.compile('[A-Z_]+=')
LOCAL = r'(127\.0\.0\.1|localhost):\d+'
ON_THE_PAGE = {'mine.py'}
"""Configs that the page itself tells to write."""
SERVERS = {'serve': (), 'label-studio': (), 'app': ('--no-browser',)}
"""Subcommands that run until Ctrl-C, and what else is given to them."""
EXTRAS = {
    'serve': ('fastapi', 'uvicorn', 'python_multipart'),
    'label-studio': ('fastapi', 'uvicorn'),
    'app': ('gradio',),
    'export': ('onnx', 'onnxruntime', 'onnxscript'),
}
"""Packages without which a subcommand, and the rest of its page, is skipped.
"""

CVAT = {
    '--auth', '--function-module', '--conf-threshold', '--conv-mask-to-poly',
    '--clear-existing', '--allow-unmatched-labels'}
"""Flags of cvat-cli, with which test_label_tools/test_cvat.py runs it."""


def parser_of(name):
    """The parser that a subcommand uses."""
    module = importlib.import_module(
        f"mmseg_panet.cli.{name.replace('-', '_')}")
    parser = ArgumentParser(exit_on_error=False)
    module.add_arguments(parser)
    return parser


def assert_pip_installs(words):
    """Check that pip installs this package, with extras that it has."""
    install, *options, what = words
    assert install == 'install' and set(options) <= {'-e'}
    extras = re.fullmatch(r'(?:mmseg[-_]panet|\.)(?:\[([\w,]+)\])?', what)[1]
    known = (REPO / 'setup.py').read_text()
    for extra in extras.split(',') if extras else ():
        assert f"'{extra}': [" in known


def assert_makes(words):
    """Check the targets and the variables of a command of make."""
    makefile = (REPO / 'Makefile').read_text()
    for word in words:
        variable, is_set, _ = word.partition('=')
        assert f'$({variable})' in makefile if is_set else re.search(
            f'^{word}:', makefile, re.M), word


def assert_runs_a_script(words):
    """Check the arguments of a script of examples/."""
    script, *_ = words
    with mock.patch.object(sys, 'argv', words):
        runpy.run_path(str(REPO / script))['parse_args']()


def assert_is_a_subcommand(words):
    """Check a command of this package, and that its config exists."""
    name, *arguments = words
    if name.startswith('-'):
        assert words in (['--help'], ['--version'], ['--list-configs'])
        return
    args = parser_of(name).parse_args(arguments)
    config = getattr(args, 'config', None)
    if config not in {None, *ON_THE_PAGE}:
        assert find_config(REPO / config if '/' in config else config)


def assert_calls_a_server(words):
    """Check that curl calls a server of this machine."""
    assert any(re.search(LOCAL, word) for word in words)


def assert_cvat_accepts(words):
    """Check the flags of cvat-cli."""
    assert {word for word in words if word.startswith('--')} <= CVAT


def assert_label_studio_ml_starts(words):
    """Check the folder of a back end, and the arguments behind it."""
    start, folder, *arguments = words
    assert start == 'start'
    assert (REPO / folder / '_wsgi.py').exists()
    assert_is_a_subcommand(['label-studio', *arguments])


PROGRAMS = {
    'make': assert_makes, 'pip': assert_pip_installs,
    'mmseg-panet': assert_is_a_subcommand, 'curl': assert_calls_a_server,
    'cvat-cli': assert_cvat_accepts,
    'label-studio-ml': assert_label_studio_ml_starts}
"""By what the arguments of each program are checked."""


def without_settings(words):
    """The words of a command after its environment variables."""
    while SETTING.match(words[0]):
        words = words[1:]
    return words


class Reader:
    """Follows a page in a folder that has what the pages assume.

    The configs are shrunk (:mod:`shrunk_configs`), and what a command needs
    and the page did not make is made before the command (:mod:`small_data`).
    """

    def __init__(self, folder, monkeypatch):
        folder.mkdir()
        for name in ('support', 'photos'):
            shutil.copytree(PHOTOS / name, folder / name)
        for name in ('examples', 'configs'):
            (folder / name).symlink_to(REPO / name)
        (folder / 'docs').mkdir()
        self.names, self.patch = {'__name__': '__main__'}, monkeypatch
        self.servers, self.address = [], None
        monkeypatch.chdir(folder)
        shrink_configs(monkeypatch)
        for name in list(PUBLISHED):
            monkeypatch.delitem(PUBLISHED, name)
        self._run_subcommands_here()

    def run_python(self, text):
        """Run a block of Python after those before it, or save a config."""
        torch.manual_seed(0)
        if re.search('^_base_ = ', text, re.M):
            Path('mine.py').write_text(text)
        else:
            exec(compile(self._with_address(text), 'a block of Python',
                         'exec'), self.names)

    def run(self, words):
        """Run a command; gives what was printed."""
        for setting in words[:-len(without_settings(words))]:
            name, _, value = setting.partition('=')
            self.patch.setenv(name, value)
            if name == 'PYTHONPATH':
                self.patch.syspath_prepend(str(Path(value).absolute()))
        program, *words = without_settings(words)
        words = [path for word in words for path in (
            sorted(glob.glob(word)) if '*' in word else [word])]
        for word in words:
            if word in MAKERS and not Path(word).exists():
                MAKERS[word](Path(word))
        torch.manual_seed(0)  # a bank is refused by other random weights
        if program == 'curl':
            return self._curl(words)
        if program == 'python' and words[0] != '-m':
            return tool(Path(words[0]).absolute(), *words[1:]).stdout
        if program == 'python':
            assert words[:2] == ['-m', 'mmseg_panet'], words
            words = words[2:]
        else:
            assert program == 'mmseg-panet', program
        return self._subcommand(*words)

    def _subcommand(self, name, *words):
        if name.startswith('-'):
            return tool(name).stdout
        for module in EXTRAS.get(name, ()):
            pytest.importorskip(module)
        args = parser_of(name).parse_args(words)
        given = vars(args)
        if name == 'prepare-data':
            shutil.rmtree(words[2], ignore_errors=True)
        self._prepare(name, args)
        words = [re.sub(r'(max_iters|interval)=\d+$', rf'\1={ITERATIONS}',
                        word) for word in words]
        if given.get('pretrained') and given['cfg_options']:
            # The converted weights are not shrunk.
            words += ['model.backbone.base_channels=64',
                      'model.decode_head.in_channels=256']
        if name in SERVERS:
            return self._serve(name, *words)
        printed = tool(name, *words).stdout
        if name == 'train':
            self._rename_checkpoint(args)
        for flag in ('out', 'bank', 'csv', 'show_dir'):
            value = given.get(flag)
            assert not isinstance(value, str) or Path(value).exists(), value
        if name == 'segment':
            check_masks(args)
        return printed

    def _serve(self, name, *words):
        """Start a server in a process of its own, at a free port."""
        port = free_port()
        # A forked process of the tests could wait for a lock of a thread.
        context = multiprocessing.get_context('forkserver')
        context.set_forkserver_preload(['mmseg_panet.apis', *EXTRAS[name]])
        server = context.Process(
            target=_run_in_a_process, daemon=True, args=(
                command_of(name, [*words, *SERVERS[name], '--port', port]),
                os.getcwd(), dict(os.environ)))
        server.start()
        self.servers.append(server)
        self.address = f'127.0.0.1:{port}'
        end = time.monotonic() + 120
        while time.monotonic() < end and server.is_alive():
            with socket.socket() as one:
                if one.connect_ex(('127.0.0.1', port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f'{name} does not listen')

    def _curl(self, words):
        if not shutil.which('curl'):
            pytest.skip('curl is not installed')
        return subprocess.run(
            ['curl', '--silent', '--show-error', '--fail',
             *map(self._with_address, words)],
            check=True, capture_output=True, text=True).stdout

    def _with_address(self, text):
        """Replace the address of the page by that of the server."""
        return text if self.address is None else re.sub(
            LOCAL, self.address, text)

    def close(self):
        """End the servers by Ctrl-C."""
        for server in self.servers:
            os.kill(server.pid, signal.SIGINT)
        for server in self.servers:
            server.join(60)
            assert server.exitcode in (0, 130), server.exitcode

    def _prepare(self, name, args):
        """Make the files that a command reads."""
        given = vars(args)
        if given.get('config'):
            cfg = read_config(args.config)
            if name not in ('segment', 'fit', 'export', 'bank-to-model'):
                write_data({key: value for key, value in cfg.items()
                            if key.endswith('_dataloader')})
        if given.get('test_config'):
            write_data(read_config(args.test_config))
        weights = given.get('checkpoint')
        if weights not in (None, 'none') and not Path(weights).exists():
            if 'work_dirs' in Path(weights).parts:
                check_checkpoint_name(args.config, Path(weights))
            save_weights(args.config, weights, 'work_dirs' not in weights)
        bank = given.get('bank')
        if bank and not given.get('support') and not Path(bank).exists():
            tool('fit', args.config, 'none', '--support', 'support',
                 '--out', bank)
            torch.manual_seed(0)
        if name == 'compare':
            self._make_results(args)

    def _make_results(self, args):
        """Test a network and an equal one on the same episodes."""
        config = 'panet_r18-d8_1xb4-600iters_msrc7i-225x225'
        for path in (args.a, args.b):
            if not Path(path).exists():
                self._subcommand('test', config, 'none', '--out', path)

    def _rename_checkpoint(self, args):
        folder = Path(args.work_dir or Path('work_dirs') / Path(
            args.config).stem)
        real = Config.fromfile(find_config(args.config)).train_cfg.max_iters
        last = args.cfg_options.get('train_cfg.max_iters', real)
        (folder / f'iter_{ITERATIONS}.pth').rename(
            folder / f'iter_{last}.pth')

    def _run_subcommands_here(self):
        """Let a command start others in this process."""
        start = subprocess.run

        def run(command, *args, **kwargs):
            if command[0] != sys.executable:
                return start(command, *args, **kwargs)
            done = subprocess.CompletedProcess(command, run_here(command))
            done.check_returncode()
            return done

        self.patch.setattr(subprocess, 'run', run)


def _run_in_a_process(command, folder, environment):
    os.environ.update(environment)
    os.chdir(folder)
    shrink_configs(pytest.MonkeyPatch())
    torch.manual_seed(0)
    os._exit(run_here(command))


def check_masks(args):
    """Check that each image has a mask, and COCO's file the classes."""
    images, = args.images
    if Path(images).is_file():  # a video, of which each fifth frame is taken
        masks = sorted(Path(args.out, 'masks').rglob('00000?.png'))
        assert [path.name for path in masks] == ['000000.png', '000005.png']
        assert Path(args.out, 'overlays', images).is_file()
        return
    assert sorted(path.stem for path in Path(args.out, 'masks').iterdir()
                  ) == sorted(path.stem for path in Path(images).iterdir())
    if args.coco:
        found = json.loads(Path(args.out, 'coco.json').read_text())
        assert [category['name'] for category in found['categories']] == [
            'fish', 'solar panel', 'windmill']


def check_checkpoint_name(config, path):
    """Check the path of a checkpoint that a training would write."""
    cfg = Config.fromfile(find_config(config))
    assert path.parts == (
        'work_dirs', find_config(config).stem,
        f'iter_{cfg.train_cfg.max_iters}.pth'), path

