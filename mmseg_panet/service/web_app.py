"""The web application: its addresses, and the answers to bad requests."""
import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

from ..annotations.reserved_names import NOT_CLASSES
from ..errors import InputError, abbreviate
from ..images.pixel_limit import TooManyPixelsError
from ..inference.few_shot_inferencer import FewShotInferencer
from ..inference.shared_inferencer import SharedInferencer
from ..version import __version__, versions
from .answer import MEDIA, Settings, make_answer
from .limits import Limits
from .upload import decode_upload, read_upload
from .work_queue import WorkQueue

_ADDRESSES = (
    'POST /segment, GET /classes, GET /health or GET /openapi.json')
_BINARY = dict(schema=dict(type='string', format='binary'))
_BODY = dict(required=True, content={
    'image/*': _BINARY, 'multipart/form-data': dict(schema=dict(
        type='object', properties=dict(image=_BINARY['schema'])))})
"""The body of a request, for OpenAPI."""
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: dict(description='No image, or a malformed form'),
    408: dict(description='The body did not arrive in time'),
    413: dict(description='Too many bytes or pixels'),
    415: dict(description='No image of a known format'),
    422: dict(description='A damaged image, or a setting out of range'),
    503: dict(description='Too many requests; send it again after the '
              'seconds of Retry-After'),
    504: dict(description='The answer was not ready in time')}


def make_app(inferencer: FewShotInferencer, limits: Limits,
             token: str | None = None) -> FastAPI:
    """Make the application of a service.

    Every error is a sentence in JSON, ``{"detail": "..."}``. There are no
    pages: those of FastAPI load scripts from the internet.

    Args:
        inferencer (FewShotInferencer): An inferencer with classes. Nothing
            else may use it.
        limits (Limits): What is taken at most.
        token (str, optional): A secret that a client must send, as
            ``Authorization: Bearer TOKEN``. Defaults to none.
    """
    queue, shared = WorkQueue(limits), SharedInferencer(inferencer)
    palette = inferencer.palette()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with suppress(asyncio.CancelledError):  # by a second Ctrl-C
            yield
        queue.close()

    app = FastAPI(
        title='mmseg_panet', version=__version__, docs_url=None,
        redoc_url=None, redirect_slashes=False, lifespan=lifespan,
        description='Few-shot segmentation of images into the classes of '
        'a bank.')
    _add_error_handlers(app)
    guarded = [] if token is None else [Depends(_check_of(token))]

    @app.get('/health')
    async def health() -> dict[str, Any]:
        """Tell that the service runs, and how many requests it holds."""
        return dict(
            status='ok', requests=queue.requests,
            max_requests=limits.requests)

    @app.get('/classes', dependencies=guarded)
    async def classes() -> dict[str, Any]:
        """Name the labels of masks with their colours, and the versions."""
        names = (NOT_CLASSES[0], *inferencer.classes, NOT_CLASSES[1])
        labels = (*range(len(names) - 1), len(palette) - 1)
        return dict(
            classes=[
                dict(label=label, name=name, color=palette[label].tolist())
                for name, label in zip(names, labels, strict=True)],
            classifier=inferencer.classifier, versions=versions())

    @app.post(
        '/segment', dependencies=guarded, response_class=Response,
        openapi_extra=dict(requestBody=_BODY), responses=_ERRORS | {
            200: dict(
                description='The answer in the format that was asked for',
                content={media: {} for media in MEDIA.values()})})
    async def segment(request: Request,
                      settings: Annotated[Settings, Query()]) -> Response:
        """Segment an image, which is the body or the file of a form."""
        settings.check(inferencer.classes)
        with queue.place():
            upload = await read_upload(request, limits)

            def work() -> Response:
                image = decode_upload(upload, inferencer.reading)
                with shared.use() as one:
                    found, = one.predict(
                        [image], settings.format == 'probability', 'bgr',
                        settings.min_confidence)
                return make_answer(
                    image, found, upload.name or 'image', palette, settings)

            return await queue.run(work, _disconnected(request))

    return app


async def _disconnected(request: Request) -> None:
    """Wait until the client of a request, which was read, is gone."""
    while (await request.receive())['type'] != 'http.disconnect':
        pass


def _check_of(token: str) -> Any:
    """Make the dependency that compares tokens in constant time."""
    bearer = HTTPBearer(auto_error=False)

    async def check(given: Annotated[
            HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        if given is None or not secrets.compare_digest(
                given.credentials.encode(), token.encode()):
            raise HTTPException(
                401, 'expected the header `Authorization: Bearer TOKEN` with '
                'the token of the service, got none or another one',
                {'WWW-Authenticate': 'Bearer'})

    return check


def _add_error_handlers(app: FastAPI) -> None:
    """Answer every error with one sentence as JSON."""

    @app.exception_handler(StarletteHTTPException)
    async def of_http(request: Request,
                      error: StarletteHTTPException) -> Response:
        if error.status_code in (404, 405):
            error.detail = (
                f'expected {_ADDRESSES}, got {request.method} '
                f'{abbreviate(request.url.path)}')
        return _sentence(error.status_code, error.detail, error.headers)

    @app.exception_handler(RequestValidationError)
    async def of_settings(request: Request,
                          error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return _sentence(
            422, f"{abbreviate(first['loc'][-1])}: {first['msg'].lower()}, "
            f"got {abbreviate(first.get('input'))}; correct it in the URL")

    @app.exception_handler(TooManyPixelsError)
    async def of_pixels(request: Request, error: Exception) -> Response:
        return _sentence(413, error)

    @app.exception_handler(InputError)
    async def of_input(request: Request, error: Exception) -> Response:
        return _sentence(422, error)

    @app.exception_handler(ClientDisconnect)
    async def of_disconnect(request: Request, error: Exception) -> Response:
        return _sentence(400, 'expected the complete body, got a part')

    @app.exception_handler(Exception)
    async def of_fault(request: Request, error: Exception) -> Response:
        return _sentence(
            500, 'the service failed at this request; its log says why')


def _sentence(status: int, sentence: object,
              headers: Any = None) -> JSONResponse:
    return JSONResponse(
        dict(detail=str(sentence)), status, headers=headers)
