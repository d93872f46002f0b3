"""The notebook of examples/ runs, and its file has no outputs."""
import os

import pytest
from markdown_pages import REPO

nbformat = pytest.importorskip('nbformat')
nbclient = pytest.importorskip('nbclient')
pytest.importorskip('ipykernel')

NOTEBOOK = REPO / 'examples/few_shot_segmentation.ipynb'


def test_the_file_has_no_outputs():
    cells = nbformat.read(NOTEBOOK, 4).cells
    assert len({cell.id for cell in cells}) == len(cells) > 15
    for cell in cells:
        assert not cell.get('outputs') and not cell.get('execution_count')
    assert NOTEBOOK.stat().st_size < 20_000


def test_it_runs_without_a_connection(tmp_path, monkeypatch):
    monkeypatch.delenv('MMSEG_PANET_WEIGHTS', raising=False)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setenv('https_proxy', 'http://127.0.0.1:9')
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(
        [str(REPO), os.environ.get('PYTHONPATH', '')]))
    book = nbformat.read(NOTEBOOK, 4)
    nbclient.NotebookClient(
        book, timeout=120, kernel_name='python3',
        resources={'metadata': {'path': str(NOTEBOOK.parent)}}).execute()
    text, pictures = '', 0
    for output in (one for cell in book.cells
                   for one in cell.get('outputs', [])):
        if output.get('name') == 'stdout':
            text += output.text
        pictures += 'image/png' in output.get('data', {})
    assert 'There is no connection: the weights are random.' in text
    assert "('fish', 'solar panel', 'windmill')" in text
    for name in os.listdir(REPO / 'examples/photos/photos'):
        assert f'{name[:-4]} ' in text
    assert 'windmill_mykonos.jpg' in text  # the third example in the advice
    assert pictures == 4
