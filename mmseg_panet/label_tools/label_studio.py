"""Label Studio's machine learning back end, on top of an inferencer.

It answers the requests of Label Studio, see docs/label_tools.md. An
annotation that is saved there becomes an example of its classes.
"""
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..annotations.formats.labelstudio_regions import regions
from ..annotations.formats.labelstudio_tasks import image_path
from ..annotations.label_objects import label_objects
from ..errors import InputError, check_number
from ..files import StrPath
from ..images.decoder import decode_image
from ..inference.few_shot_inferencer import FewShotInferencer
from ..inference.shared_inferencer import SharedInferencer
from ..inference.supports.support import Support, left_out_note
from ..inference.supports.support_encoder import encode_supports
from ..models.bank.bank_file import check_bank_path
from ..models.bank.prototype_bank import PrototypeBank
from ..notices import warn, warn_once
from .label_config import Control, control_of, images_of, read_controls
from .label_studio_request import (
    Json,
    changed_annotations,
    dicts,
    trained_annotations,
)
from .region_results import (
    region_result,
    replace_examples,
    supports_of_regions,
)
from .task_images import TaskImages

MIN_AREA = 0.001
"""Fraction of an image below which a region is rather an error to delete."""
_SAVED = ('ANNOTATION_CREATED', 'ANNOTATION_UPDATED', 'ANNOTATIONS_CREATED')
_NEVER = '~'
"""The time of what is deleted for good, after all others."""
_DELETED = ('ANNOTATIONS_DELETED', 'ANNOTATION_DELETED')


class LabelStudioBackend:
    """Predicts tasks, and keeps the annotations as examples in a bank.

    Its methods take and return the JSON of Label Studio. Several threads may
    call them at once.

    Args:
        inferencer (FewShotInferencer): The inferencer. Nothing else may use
            it.
        bank (str | os.PathLike): File of the classes. It is read if it
            exists, and written whenever an annotation changes it.
        images (TaskImages): The reader of the images of tasks.
        min_area (float): Smallest region that is predicted: a number of
            pixels or, below 1, a fraction of the image. Defaults to
            :data:`MIN_AREA`.

    Raises:
        InputError: If the bank cannot be read or written.
    """

    def __init__(self, inferencer: FewShotInferencer, bank: StrPath,
                 images: TaskImages, min_area: float = MIN_AREA) -> None:
        check_number('min_area', min_area, least=0)
        check_bank_path(bank)
        self._path = Path(bank)
        if self._path.exists():
            inferencer.load(self._path)
        else:
            inferencer.bank = PrototypeBank()
        self._shared = SharedInferencer(inferencer)
        self._images = images
        self._min_area = min_area
        self._changes = threading.Lock()
        self._times: dict[str, str] = {}
        """When each annotation was changed for the last time."""
        self._on_disk = _stamp(self._path)
        """The file as it was read or written here."""
        self._state: tuple[PrototypeBank, str] = (
            inferencer.bank, _version(inferencer))

    @property
    def model_version(self) -> str:
        """A name that changes with the examples, and comes back with them."""
        return self._state[1]

    def predict(self, request: Mapping[str, Any]) -> Json:
        """Predict the regions of tasks.

        Args:
            request (Mapping[str, Any]): 'tasks' and 'label_config'.

        Returns:
            Json: 'results', one for each task. One whose image cannot be read
            has no regions, and a warning says why.

        Raises:
            InputError: If the request is malformed, or the labeling config
                has no tag that is predicted for.
        """
        controls = read_controls(request.get('label_config') or '')
        state = self._state
        return dict(
            results=[self._predict_task(task, controls, *state)
                     for task in dicts(request.get('tasks'), 'tasks')],
            model_version=state[1])

    def _predict_task(self, task: Json, controls: Sequence[Control],
                      bank: PrototypeBank, version: str) -> Json:
        found: list[Json] = []
        scores = []
        try:
            for to_name, key in images_of(controls) if bank.classes else ():
                image = self._read(task, key)
                with self._shared.use(bank) as inferencer:
                    one, = inferencer.predict([image], channel_order='bgr')
                scores.append(float(one.confidence.mean()))
                for each in label_objects(one.class_map, self._min_area):
                    name = one.classes[each.label - 1]
                    control = control_of(controls, name, to_name)
                    if control is None:
                        warn_once(
                            f'the labeling config has no label {name!r} for '
                            f'the image {to_name!r}: such regions are left '
                            'out; add the label, or rename the class')
                        continue
                    score = float(each.pixels(one.confidence).mean())
                    found.append(region_result(
                        each, control, name, one.class_map.shape, score,
                        f'panet-{len(found) + 1}'))
        except InputError as error:
            warn(str(error))
            found = []
        return dict(
            result=found, score=float(np.mean(scores)) if scores else 0.0,
            model_version=version)

    def _read(self, task: Json, key: str) -> np.ndarray:
        content = self._images.read(task, key)
        with self._shared.use() as inferencer:
            reading = inferencer.reading
        return decode_image(content, f"the image of task {task.get('id')}",
                            reading)

    def webhook(self, request: Mapping[str, Any]) -> Json:
        """Follow a change of annotations.

        Args:
            request (Mapping[str, Any]): 'action', and with it 'annotation',
                'task' and 'project', or 'annotations' that were deleted.

        Returns:
            Json: 'status', and 'model_version' afterwards.

        Raises:
            InputError: If the request or an annotation cannot be used. The
                bank then has all other annotations.
        """
        action = request.get('action')
        if action in _SAVED:
            project = request.get('project')
            text = project.get('label_config') if isinstance(
                project, dict) else None
            controls = read_controls(text or '')
            self._fit_all(changed_annotations(request), controls)
        elif action in _DELETED:
            given = request.get('annotations', request.get('annotation'))
            for one in dicts(given, 'annotations'):
                self._replace(f"annotation {one.get('id')}", [], _NEVER)
        elif action == 'TASKS_DELETED':  # with their annotations
            for one in dicts(request.get('tasks'), 'tasks'):
                self._replace(f"task {one.get('id')}", [], _NEVER)
        else:
            return dict(status='ignored', model_version=self.model_version)
        return dict(status='ok', model_version=self.model_version)

    def train(self, request: Mapping[str, Any]) -> Json:
        """Add all annotations of the tasks that older versions send.

        Args:
            request (Mapping[str, Any]): 'annotations', which are tasks with
                'annotations', and 'label_config'.

        Raises:
            InputError: As for :meth:`webhook`.
        """
        controls = read_controls(request.get('label_config') or '')
        self._fit_all(trained_annotations(request), controls)
        return dict(status='ok', model_version=self.model_version)

    def _fit_all(self, annotations: Sequence[tuple[Json, Json]],
                 controls: Sequence[Control]) -> None:
        """Add all annotations that can be used, and raise the first error."""
        errors = []
        for annotation, task in annotations:
            try:
                self.fit(annotation, task, controls)
            except InputError as error:
                errors.append(error)
        for other in errors[1:]:
            warn(str(other))
        if errors:
            raise errors[0]

    def fit(self, annotation: Json, task: Json,
            controls: Sequence[Control]) -> None:
        """Make an annotation an example, in place of its earlier version.

        Boxes are filled. An annotation that was cancelled or shows no region
        is no example.

        Args:
            annotation (Json): The annotation, with 'id' and 'result'.
            task (Json): Its task.
            controls (Sequence[Control]): See :func:`read_controls`.

        Raises:
            InputError: As for :meth:`webhook`.
        """
        if f"task {task.get('id')}" in self._times:
            return  # It was deleted, and this arrives late.
        supports: list[Support] = []
        results = dicts(annotation.get('result'), 'result')
        for to_name, key in images_of(controls):
            of_image = [
                one for one in results if one.get('to_name') == to_name]
            if regions(of_image) and not annotation.get('was_cancelled'):
                image = self._read(task, key)
                name = image_path(task['data'][key])
                supports += supports_of_regions(
                    of_image, image,
                    f"annotation {annotation.get('id')} of task "
                    f"{task.get('id')} ({name})")
        self._replace(f"annotation {annotation.get('id')}", supports,
                      str(annotation.get('updated_at') or ''))

    def _replace(self, name: str, supports: Sequence[Support],
                 time: str) -> None:
        """Replace the examples of an annotation or of a task.

        Nothing is done if the change is older than the last one.
        """
        left_out: dict = {}
        with self._changes:
            if time < self._times.get(name, ''):
                return
            if _stamp(self._path) != self._on_disk:
                raise InputError(
                    f'{self._path} was changed by another program, whose '
                    'classes would be lost; start the back end again, one '
                    'for each bank, and submit the annotation again')
            old, _ = self._state
            with self._shared.use(old) as inferencer:
                banked = encode_supports(
                    inferencer.model, inferencer.pipeline, supports, 1,
                    left_out=left_out)
            # The name says which annotation it is, also after a restart. Its
            # source would keep the image in memory.
            new = [one._replace(image=one.source.where, source=None)
                   for one in banked]
            bank = PrototypeBank(
                replace_examples(old.supports, name, new), old.negatives,
                old.negative_share)
            bank.weights_sha256 = old.weights_sha256
            with self._shared.use(bank) as inferencer:
                if bank.classes:
                    inferencer.save(self._path)
                else:
                    self._path.unlink(missing_ok=True)
                self._on_disk = _stamp(self._path)
                self._state = bank, _version(inferencer)
            self._times[name] = time
        if left_out:
            warn(left_out_note(left_out, bank.classes))


def _stamp(path: Path) -> int | None:
    """Return when a file was written."""
    return path.stat().st_mtime_ns if path.exists() else None


def _version(inferencer: FewShotInferencer) -> str:
    return f'panet-{inferencer.fingerprint()[:12]}'
