"""The HTTP application of the back end for Label Studio."""
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InputError, error_context
from ..json_text import parse_json
from ..notices import warn
from .label_studio import LabelStudioBackend, dicts

MOST_BYTES = 200_000_000
"""Size of the largest request."""


def make_app(backend: LabelStudioBackend) -> Any:
    """Make the application that Label Studio connects to.

    Args:
        backend (LabelStudioBackend): The back end.

    Returns:
        starlette.applications.Starlette: /health, /setup, /versions,
        /predict, /train and /webhook. An :class:`InputError` is logged, and
        is the 'error' of a response 400.

    Raises:
        InputError: If Starlette, which FastAPI brings, is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.routing import Route
    except ImportError as error:
        raise InputError(
            'the back end for Label Studio needs the package fastapi, which '
            'is not installed; pip install "mmseg_panet[serve]"') from error

    def health(_: object) -> dict:
        return dict(status='UP', model_class='mmseg_panet')

    def setup(_: object) -> dict:
        return dict(model_version=backend.model_version)

    def versions(_: object) -> dict:
        return dict(versions=[backend.model_version])

    return Starlette(routes=[
        Route('/', _answer(health)),
        Route('/health', _answer(health)),
        Route('/setup', _answer(setup), methods=['POST']),
        Route('/versions', _answer(versions), methods=['GET', 'POST']),
        Route('/predict', _answer(backend.predict), methods=['POST']),
        Route('/train', _answer(backend.train, 201), methods=['POST']),
        Route('/webhook', _answer(backend.webhook, 201), methods=['POST'])])


def _answer(method: Callable[[Mapping[str, Any]], dict],
            status: int = 200) -> Callable:
    """Wrap a function from JSON to JSON as an endpoint."""
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse

    async def endpoint(request: Request) -> JSONResponse:
        content = bytearray()
        try:
            async for part in request.stream():
                content += part
                if len(content) > MOST_BYTES:
                    raise InputError(
                        f'expected a request of at most {MOST_BYTES:,} bytes, '
                        'got a larger one; send fewer tasks')
            given = _parse(bytes(content)) if content else {}
            # Others are answered meanwhile.
            return JSONResponse(
                await run_in_threadpool(method, given), status)
        except InputError as error:
            warn(str(error))
            return JSONResponse(dict(error=str(error)), 400)

    return endpoint


def _parse(content: bytes) -> dict:
    with error_context('the request is not valid JSON',
                       'send the JSON of Label Studio'):
        given, *_ = dicts(parse_json(content), 'a dict')
    return given
