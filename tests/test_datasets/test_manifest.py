import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from mmseg_panet.datasets import EpisodicDataset
from mmseg_panet.errors import InputError

PIPELINE = [
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'), dict(type='PackEpisodeInputs')]


def episodic(root, **changes):
    settings = dict(
        dataset=dict(type='ToyDataset', data_root=str(root)),
        folds='toy-3i', fold=1, split='novel', num_episodes=6, num_runs=2,
        episodes_seed=3, num_ways=2, num_shots=2, num_queries=2,
        protocol='mine', support_pipeline=PIPELINE, query_pipeline=PIPELINE)
    return EpisodicDataset(**settings | changes)


@pytest.fixture
def written(toy_root, tmp_path):
    data = episodic(toy_root)
    path = tmp_path / 'episodes.jsonl'
    path.write_text(''.join(data.manifest_lines()))
    return data, path


def test_a_manifest_lists_the_rules_and_every_episode(written):
    data, path = written
    header, *lines = map(json.loads, path.read_text().splitlines())
    assert header['format'] == 'mmseg_panet episodes, version 1'
    assert header['protocol'] == 'mine'
    assert (header['folds'], header['fold']) == ('toy-3i', 1)
    assert header['seeds'] == [3, 4]
    assert header['classes'] == data.class_names
    assert len(lines) == 12
    episode = data.episode(7)
    names = data.images.image_ids
    assert lines[7]['seed'] == 4 and lines[7]['index'] == 1
    assert lines[7]['class_names'] == [
        data.images.classes[c] for c in episode.class_ids]
    assert lines[7]['supports'] == [
        [names[i] for i in shots] for shots in episode.supports]
    assert lines[7]['queries'] == [names[i] for i in episode.queries]
    assert all(name.endswith('.jpg') and '/' not in name for name in names)


def test_the_digest_is_that_of_the_file(written):
    data, path = written
    assert data.manifest_sha256() == hashlib.sha256(
        path.read_bytes()).hexdigest()


def test_replaying_gives_the_same_episodes_for_any_settings(
        written, toy_root):
    data, path = written
    again = episodic(
        toy_root, manifest=str(path), fold=0, num_ways=1, num_shots=1,
        num_runs=1, num_episodes=1, episodes_seed=0, protocol=None)
    assert len(again) == len(data) == 12
    assert [again.episode(i) for i in range(12)] == [
        data.episode(i) for i in range(12)]
    assert again.rules.header() == data.rules.header()
    assert again.manifest_sha256() == data.manifest_sha256()
    assert [item['data_samples'].img_path for item in again[11]] == [
        item['data_samples'].img_path for item in data[11]]


def test_it_does_not_depend_on_the_path_of_the_data_set(
        written, toy_root, tmp_path):
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.symlink_to(toy_root)
    assert episodic(elsewhere).manifest_sha256() == (
        written[0].manifest_sha256())


def edit(path, number, change):
    lines = path.read_text().splitlines()
    line = json.loads(lines[number])
    change(line)
    lines[number] = json.dumps(line)
    path.write_text('\n'.join(lines) + '\n')


@pytest.mark.parametrize(('number', 'change', 'sentence'), [
    (0, lambda line: line.update(format='else'), 'is not a manifest'),
    (0, lambda line: line.update(index_sha256='0' * 64),
     'was made from other images or masks .index 000000000000, here'),
    (3, lambda line: line['queries'].__setitem__(0, 'nowhere.jpg'),
     "line 4: expected an episode of this data set, got KeyError: 'nowhere"),
    (3, lambda line: line.update(class_names=['cat', 'dog']),
     'line 4: .*classes'),
    (3, lambda line: line['queries'].__setitem__(0, line['supports'][0][0]),
     'line 4: .*a query that is also a support'),
    (3, lambda line: line.pop('seed'), "line 4: .*KeyError: 'seed'"),
    (0, lambda line: line.pop('seeds'), r"it lacks \['seeds'\]"),
    (0, lambda line: line.update(num_runs=4), 'a seed for every run'),
    (0, lambda line: line.update(num_ways='2'), 'numbers of 1 or more'),
    (0, lambda line: line.update(class_ids=[7, 8, 9]),
     'the classes of this data set with their ids'),
    (0, lambda line: line.update(num_shots=5), 'line 2: .*ways, shots and q'),
    (3, lambda line: line.update(query_ways=[7, 1]), 'line 4: .*not the ways'),
    (3, lambda line: line['queries'].__setitem__(0, line['queries'][1]),
     'line 4: .*not the ways, shots and queries'),
    (3, lambda line: line.update(index=0), 'has 12 episodes: expected 6 of'),
])
def test_a_changed_manifest_raises_an_input_error(
        written, toy_root, number, change, sentence):
    _, path = written
    edit(path, number, change)
    with pytest.raises(InputError, match=sentence):
        episodic(toy_root, manifest=str(path))


def test_a_comment_in_the_header_changes_no_episode(written, toy_root):
    dataset, path = written
    edit(path, 0, lambda line: line.update(comment='for the paper'))
    again = episodic(toy_root, manifest=str(path))
    assert list(again.episodes) == list(dataset.episodes)


def test_a_truncated_manifest_raises_an_input_error(written, toy_root):
    _, path = written
    text = path.read_text()
    path.write_text(text[:text.index('\n', len(text) // 2) + 1])
    with pytest.raises(InputError, match='episodes: expected 6 of each of'):
        episodic(toy_root, manifest=str(path))
    path.write_bytes(b'\x89PNG')
    with pytest.raises(InputError, match='is not a manifest of episodes'):
        episodic(toy_root, manifest=str(path))
    with pytest.raises(InputError, match='is not a manifest of episodes'):
        episodic(toy_root, manifest='nowhere.jsonl')


def test_changed_masks_are_detected(tmp_path):
    for i in range(4):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(
            tmp_path / f'{i}.jpg')
        mask = np.zeros((8, 8), np.uint8)
        mask[:4] = 1
        Image.fromarray(mask).save(tmp_path / f'{i}.png')
    settings = dict(
        dataset=dict(
            type='BaseSegDataset', data_root=str(tmp_path),
            metainfo=dict(classes=('background', 'cat'))),
        support_pipeline=PIPELINE, query_pipeline=PIPELINE, classes=['cat'],
        num_episodes=3)
    path = tmp_path / 'episodes.jsonl'
    path.write_text(''.join(EpisodicDataset(**settings).manifest_lines()))
    EpisodicDataset(**settings, manifest=str(path))
    mask[4] = 1
    Image.fromarray(mask).save(tmp_path / '3.png')
    with pytest.raises(InputError, match='made from other images or masks'):
        EpisodicDataset(**settings, manifest=str(path))
