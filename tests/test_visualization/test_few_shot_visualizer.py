"""The back ends of mmengine get the scalars and the strips of a training."""
import io
import json

import numpy as np
import pytest
from PIL import Image
from tool_runs import small_config, tool

CONFIG = """
_base_ = '{base}'
vis_backends = [
    dict(type='LocalVisBackend'),
    dict(type='TensorboardVisBackend'),
    dict(type='MLflowVisBackend', exp_name='few-shot', run_name='toy')]
visualizer = dict(vis_backends=vis_backends)
train_cfg = dict(max_iters=2, val_interval=1)
default_hooks = dict(
    logger=dict(interval=1), visualization=dict(num_pictures=1))
"""
SCALARS = {'loss', 'lr', 'decode.acc_seg', 'decode.loss_align', 'mIoU'}


@pytest.fixture(scope='module')
def run(toy_root, tmp_path_factory):
    """The data of the visualizer after a training with two validations."""
    pytest.importorskip('mlflow')
    pytest.importorskip('tensorboard')
    folder = tmp_path_factory.mktemp('run')
    config = folder / 'backends.py'
    config.write_text(CONFIG.format(base=small_config(folder, 2, 2)))
    with pytest.MonkeyPatch.context() as patch:
        # Without a database, new versions require this.
        patch.setenv('MLFLOW_ALLOW_FILE_STORE', 'true')
        tool('train', config, '--data-root', toy_root, '--work-dir',
             folder / 'work')
    found, = (folder / 'work').glob('*/vis_data')
    return found


@pytest.fixture(scope='module')
def strips(run):
    """The local files of the strips by step."""
    return {
        int(path.stem.split('_')[-1]): path
        for path in (run / 'vis_image').iterdir()}


def test_the_local_backend_has_scalars_and_strips(run, strips):
    rows = [json.loads(row) for row in
            (run / 'scalars.json').read_text().splitlines()]
    assert {key for row in rows for key in row} >= SCALARS
    assert sorted(strips) == [1, 2]


def test_tensorboard_has_scalars_and_strips(run, strips):
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )
    events = EventAccumulator(str(run)).Reload()
    tags = events.Tags()
    assert set(tags['scalars']) >= SCALARS
    for name in SCALARS:
        assert [event.step for event in events.Scalars(name)] == [1, 2]
    tag, = tags['images']
    for event in events.Images(tag):
        picture = Image.open(io.BytesIO(event.encoded_image_string))
        np.testing.assert_array_equal(
            picture, Image.open(strips[event.step]))


def test_mlflow_has_scalars_and_strips(run, strips):
    import mlflow
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MLFLOW_ALLOW_FILE_STORE', 'true')
        client = mlflow.MlflowClient(f'file://{run}')
        experiment = client.get_experiment_by_name('few-shot')
        found, = client.search_runs([experiment.experiment_id])
        assert set(found.data.metrics) >= SCALARS
        for name in SCALARS:
            steps = [one.step for one in client.get_metric_history(
                found.info.run_id, name)]
            assert steps == [1, 2], name
        for path in strips.values():
            # One for each step, under the name of the local file.
            artifact = client.download_artifacts(
                found.info.run_id, path.name)
            np.testing.assert_array_equal(
                Image.open(artifact), Image.open(path))
