"""The labeling config of a project of Label Studio."""
from collections.abc import Sequence
from typing import NamedTuple
from xml.parsers import expat

from ..errors import InputError

KINDS = {
    'BrushLabels': 'brushlabels', 'PolygonLabels': 'polygonlabels',
    'RectangleLabels': 'rectanglelabels'}
"""Tags that are predicted for, the most exact one first, and their types."""


class Control(NamedTuple):
    """A tag by which regions of an image are labelled.

    Attributes:
        type (str): 'brushlabels', 'polygonlabels' or 'rectanglelabels'.
        from_name (str): Name of the tag.
        to_name (str): Name of the tag of its image.
        key (str): Key of the image in the data of a task.
        labels (tuple[str, ...]): Names of its labels.
    """

    type: str
    from_name: str
    to_name: str
    key: str
    labels: tuple[str, ...]


def read_controls(text: str) -> list[Control]:
    """Read the tags that label regions, the most exact ones first.

    Args:
        text (str): The labeling config, in XML.

    Returns:
        list[Control]: Controls of images that a task gives one of.

    Raises:
        InputError: If it is no XML, declares entities, which could fill the
            memory, or has no such control.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(text, True)
    except (expat.ExpatError, ValueError, TypeError) as error:
        raise InputError(
            f'the labeling config is not valid XML: {error}; save it in Label '
            "Studio's project again") from error
    order = [*KINDS.values()]
    controls = sorted(
        (Control(KINDS[tag], given.get('name', ''), given.get('toName', ''),
                 reader.images[given['toName']], tuple(labels))
         for tag, given, labels in reader.found
         if given.get('toName') in reader.images),
        key=lambda one: order.index(one.type))
    if not controls:
        raise InputError(
            'expected a labeling config with BrushLabels, PolygonLabels or '
            'RectangleLabels of an Image with value="$KEY", got none; add one '
            "in Label Studio's project")
    return controls


def control_of(controls: Sequence[Control], name: str,
               to_name: str) -> Control | None:
    """Return the most exact control of an image that lists a label."""
    return next((one for one in controls if one.to_name == to_name
                 and name in one.labels), None)


def images_of(controls: Sequence[Control]) -> list[tuple[str, str]]:
    """Return the tag of each image, and its key in the data of a task."""
    return [*dict.fromkeys((one.to_name, one.key) for one in controls)]


class _Reader:
    """Collects images and controls from the events of a parser."""

    def __init__(self) -> None:
        self.images: dict[str, str] = {}
        self.found: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = lambda _: self._open.pop()
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, tag: str, given: dict[str, str]) -> None:
        self._open.append(tag)
        value = given.get('value', '')
        if tag == 'Image' and value.startswith('$'):
            self.images[given.get('name', '')] = value[1:]
        elif tag in KINDS:
            self.found.append((tag, given, []))
        elif tag == 'Label' and value and {*self._open} & {*KINDS}:
            # An annotation has the alias in place of the value.
            self.found[-1][2].append(given.get('alias') or value)

    def _refuse(self, *_: object) -> None:
        raise ValueError('a document type is declared')
