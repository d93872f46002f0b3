import pytest
import torch

from mmseg_panet.datasets.sampling import Episode
from mmseg_panet.engine.labelled_images import LabelledImage
from mmseg_panet.engine.support_table import SupportRows, SupportTable
from mmseg_panet.models import PANetHead

IMAGES = [LabelledImage(4, (7, 9)), LabelledImage(6, (7,)),
          LabelledImage(8, (9,)), LabelledImage(9, (7, 9))]
EPISODES = [
    Episode(0, 0, (7, 9), ((4, 6), (8, 9)), (1,), (1,)),
    Episode(0, 1, (9, 7), ((9, 4), (6, 9)), (1,), (1,))]


def labels_of(image, generator):
    labels = torch.randint(
        0, 1 + len(image.class_ids), (1, 17, 21), generator=generator)
    labels[:, :4, 3:7] = 255
    return labels


@pytest.mark.parametrize('by_shot', [False, True])
@pytest.mark.parametrize('rank', [None, 3])
def test_the_rows_give_the_same_fit_as_the_labels_of_an_episode(
        rank, by_shot):
    generator = torch.Generator().manual_seed(0)
    head = PANetHead(8, classifier=dict(
        type='DiscriminantClassifier', rank=rank)).eval()
    rows, shown = [], {}
    for image in IMAGES:
        features = torch.randn(1, 8, 4, 5, generator=generator).double()
        labels = labels_of(image, generator)
        rows.append(SupportRows.from_statistics(head.class_statistics(
            features, labels, len(image.class_ids)).each(
                lambda one: one[0])))
        shown[image.image] = features[0], labels[0], image.class_ids
    table = SupportTable(IMAGES, rows, torch.device('cpu'))
    found = table.fit(head.classifier, EPISODES, torch.float64, by_shot)
    for i, episode in enumerate(EPISODES):
        features, labels, ways = [], [], []
        for own, images in enumerate(episode.supports, start=1):
            for image in images:
                feature, label, class_ids = shown[image]
                # Map the labels of the image to the ways of the episode.
                mapped = torch.where(label == 255, 255, 0)
                for way, class_id in enumerate(episode.class_ids, start=1):
                    if class_id in class_ids:
                        mapped[label == 1 + class_ids.index(class_id)] = way
                features.append(feature)
                labels.append(mapped)
                ways.append(own)
        statistics = head.support_statistics(
            torch.stack(features), torch.stack(labels), ways)
        for shot in range(2 if by_shot else 1):
            some = [shot, 2 + shot] if by_shot else [0, 1, 2, 3]
            expected = head.classifier.fit(
                statistics.each(lambda one, some=some: one[some][None]),
                [len(some) // 2] * 2)
            episode_of = 2 * i + shot if by_shot else i
            # Moments are kept in float32.
            torch.testing.assert_close(
                found.weight[episode_of], expected.weight[0], rtol=1e-4,
                atol=1e-4)
            torch.testing.assert_close(
                found.bias[episode_of], expected.bias[0], rtol=1e-4,
                atol=1e-4)


def test_the_rows_of_an_image_are_small():
    """With 1024 channels, a mask takes 16 kB and 64 axes take 131 kB."""
    head = PANetHead(1024, classifier=dict(
        type='DiscriminantClassifier')).eval()
    features = torch.randn(
        1, 1024, 10, 10, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(
        0, 2, (1, 40, 40), generator=torch.Generator().manual_seed(0))
    rows = SupportRows.from_statistics(
        head.class_statistics(features, labels, 1).each(lambda one: one[0]))
    size = sum(one.numel() * one.element_size() for one in rows)
    # These are areas and sums in float64, triangles of 64 x 64 in float32, and
    # axes in float16.
    assert size == 2 * 8 * 1025 + 2 * 4 * 2080 + 2 * 64 * 1024
    assert 20000 * size < 4e9


@pytest.mark.parametrize(('rank', 'by_shot', 'values'), [
    # 2 ways of 3 shots: each has all valid pixels, both ways and its way.
    (None, False, 6 * 4 * (1 + 8 + 2 * 36) + 64),
    (3, False, 6 * (4 * (1 + 8 + 2 * 6) + 24) + 64),
    (3, True, 6 * (4 * (1 + 8 + 2 * 6) + 24) + 3 * 64)])
def test_the_values_of_a_fit_are_counted(rank, by_shot, values):
    head = PANetHead(8, classifier=dict(
        type='DiscriminantClassifier', rank=rank)).eval()
    one = SupportRows.from_statistics(head.class_statistics(
        torch.ones(1, 8, 4, 5), torch.ones(1, 4, 5), 1).each(
            lambda one: one[0]))
    table = SupportTable(IMAGES[1:2], [one], torch.device('cpu'))
    assert table.values(2, 3, by_shot) == values


def test_prototypes_need_no_more_than_their_sums():
    one = SupportRows.from_statistics(PANetHead(8).class_statistics(
        torch.ones(1, 8, 4, 5), torch.ones(1, 4, 5), 1).each(
            lambda one: one[0]))
    table = SupportTable(IMAGES[1:2], [one], torch.device('cpu'))
    assert table.values(2, 3) == 6 * 4 * (1 + 8)
