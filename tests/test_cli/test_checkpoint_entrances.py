"""Bad checkpoints at every entrance of the commands and the inferencer."""
import pytest
import safetensors.torch
import torch
from checkpoint_parts import Hostile, save
from mmengine.config import Config
from mmseg.registry import MODELS
from tool_runs import small_config, tool

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.datasets.toy.toy_dataset import make_toy_examples
from mmseg_panet.errors import InputError

ENTRANCES = {
    'resume': 'train small.py --work-dir run --data-root {data} --resume',
    'load_from': 'train small.py --work-dir run --data-root {data} '
                 '--cfg-options load_from={path}',
    'pretrained': 'train small.py --work-dir run --data-root {data} '
                  '--pretrained {path}',
    'test': 'test small.py {path} --work-dir run --data-root {data} '
            '--out out.json',
    'test of pretrained': 'test small.py none --work-dir run --data-root '
                          '{data} --pretrained {path} --out out.json',
    'fit': 'fit small.py {path} --support examples --out out.safetensors',
    'segment': 'segment small.py {path} --support examples --images photos '
               '--out out',
    'convert': 'convert-backbone {path} out.pth',
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with a config, examples and photos."""
    folder = tmp_path_factory.mktemp('entrances')
    small_config(folder, max_iters=1, interval=1)
    make_toy_examples(folder, num_shots=1, num_photos=1, size=64)
    return folder


@pytest.fixture(scope='module')
def state(folder):
    torch.manual_seed(0)
    model = Config.fromfile(folder / 'small.py').model
    return MODELS.build(model).state_dict()


@pytest.fixture
def run(folder, tmp_path, toy_root, monkeypatch):
    """A function that runs a command at an entrance, in a fresh folder."""
    for name in ('small.py', 'examples', 'photos'):
        (tmp_path / name).symlink_to(folder / name)
    monkeypatch.chdir(tmp_path)

    def run_at(entrance, path, *flags, code=2):
        if entrance == 'resume':
            (tmp_path / 'run').mkdir()
            (tmp_path / 'run/last_checkpoint').write_text(str(path))
        words = ENTRANCES[entrance].format(data=toy_root, path=path).split()
        done = tool(*words, *flags, code=code)
        assert 'Traceback' not in done.stderr
        return [line for line in done.stderr.splitlines() if 'error:' in line]
    return run_at


def unchanged(tmp_path):
    """Return whether a command has written none of its results."""
    return not [
        path for pattern in ('out*', 'out/**/*', 'run/*.pth')
        for path in tmp_path.glob(pattern) if path.is_file()]


def of_entrance(entrance, state):
    """Take the weights that an entrance expects."""
    alone = entrance.endswith('pretrained') or entrance == 'convert'
    return {key.removeprefix('backbone.'): value
            for key, value in state.items()} if alone else dict(state)


@pytest.mark.parametrize('entrance', ENTRANCES)
def test_a_hostile_checkpoint_does_not_run(run, state, tmp_path, entrance):
    content = dict(
        state_dict=of_entrance(entrance, state),
        meta=Hostile(tmp_path / 'marker'))
    save(content, tmp_path / 'bad.pth')
    error, = run(entrance, tmp_path / 'bad.pth')
    assert f"error: the checkpoint {tmp_path}/bad.pth contains '" in error
    assert "system', which can execute code: expected" in error
    assert '--trust-checkpoint' in error
    assert not (tmp_path / 'marker').exists()
    assert unchanged(tmp_path)


@pytest.mark.parametrize('entrance', ENTRANCES)
@pytest.mark.parametrize('suffix', ['pth', 'safetensors'])
def test_weights_that_are_not_finite_are_refused(
        run, state, tmp_path, entrance, suffix):
    weights = of_entrance(entrance, state)
    name = next(key for key in weights if key.endswith('conv1.weight'))
    weights[name] = weights[name].clone()
    weights[name][0, 0, 0] = torch.nan
    path = tmp_path / f'bad.{suffix}'
    if suffix == 'pth':
        torch.save(weights, path)
    elif entrance == 'resume':
        pytest.skip('mmengine resumes from .pth only')
    else:
        safetensors.torch.save_file(
            {key: value.contiguous() for key, value in weights.items()}, path)
    error, = run(entrance, path)
    number, total = weights[name].shape[-1], weights[name].numel()
    assert (
        f'checkpoint {path} has weights that are not finite: {number} values '
        f"of {total} in '{name}'; use a checkpoint from before") in error
    assert unchanged(tmp_path)


@pytest.mark.parametrize('entrance', [
    one for one in ENTRANCES if one != 'resume'])
def test_a_cut_checkpoint_is_named(run, state, tmp_path, entrance):
    torch.save(state, tmp_path / 'bad.pth')
    data = (tmp_path / 'bad.pth').read_bytes()
    (tmp_path / 'bad.pth').write_bytes(data[:len(data) // 2])
    error, = run(entrance, tmp_path / 'bad.pth')
    assert (f'the checkpoint {tmp_path}/bad.pth cannot be read, as it is cut '
            f'off after {len(data) // 2} bytes; use an earlier') in error
    assert unchanged(tmp_path)


@pytest.mark.parametrize('entrance', ['load_from', 'test', 'fit'])
def test_a_trusted_checkpoint_is_used(run, state, tmp_path, entrance):
    marker = tmp_path / 'marker'
    save(dict(state_dict=state, meta=dict(a=Hostile(marker))),
         tmp_path / 'own.pth')
    assert not run(
        entrance, tmp_path / 'own.pth', '--trust-checkpoint', code=0)
    assert marker.exists()


def test_the_inferencer_refuses_and_trusts_as_the_commands_do(
        folder, state, tmp_path):
    marker = tmp_path / 'marker'
    path = tmp_path / 'own.pth'
    save(dict(state_dict=state, meta=Hostile(marker)), path)
    with pytest.raises(InputError, match='trust_checkpoint=True'):
        FewShotInferencer(str(folder / 'small.py'), path, 'cpu')
    assert not marker.exists()
    before = torch.load
    FewShotInferencer(
        str(folder / 'small.py'), path, 'cpu', trust_checkpoint=True)
    assert marker.exists()
    assert torch.load is before
