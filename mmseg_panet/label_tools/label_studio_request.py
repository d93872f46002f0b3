"""The parts of the requests that Label Studio sends."""
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError, abbreviate

Json = dict[str, Any]


def dicts(given: Any, key: str) -> list[Json]:
    """Return a list of dicts, of which one may be given without a list.

    Args:
        given (Any): Value of a request.
        key (str): Its key, for the message.

    Raises:
        InputError: If it is something else.
    """
    found = given if isinstance(given, list) else [given]
    if not all(isinstance(one, dict) for one in found):
        raise InputError(
            f'the request: expected {key!r} as Label Studio sends it, got '
            f'{abbreviate(given)}; let its webhook send the payload')
    return found


def changed_annotations(request: Mapping[str, Any]
                        ) -> list[tuple[Json, Json]]:
    """Return the annotations of a webhook with their tasks.

    Args:
        request (Mapping[str, Any]): 'annotation' and 'task', one of each or
            lists of them.

    Raises:
        InputError: If there are none, or a task is missing.
    """
    tasks = dicts(request.get('task'), 'task')
    return [(one, _task_of(one, tasks))
            for one in dicts(request.get('annotation'), 'annotation')]


def trained_annotations(request: Mapping[str, Any]
                        ) -> list[tuple[Json, Json]]:
    """Return the annotations of a request to train with their tasks.

    Args:
        request (Mapping[str, Any]): 'annotations', which are tasks with
            'annotations'.

    Raises:
        InputError: If it has another form.
    """
    return [(one, task)
            for task in dicts(request.get('annotations'), 'annotations')
            for one in dicts(task.get('annotations'), 'annotations')]


def _task_of(annotation: Json, tasks: Sequence[Json]) -> Json:
    for task in tasks:
        if len(tasks) == 1 or task.get('id') == annotation.get('task'):
            return task
    raise InputError(
        f"the request: expected the task {annotation.get('task')} of the "
        f'annotation {annotation.get("id")}, got {len(tasks)} others; let the '
        'webhook send the payload')
