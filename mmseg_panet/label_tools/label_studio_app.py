"""The HTTP application of the back end for Label Studio."""
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InputError, error_context
from ..extras import require_extra
from ..json_text import parse_json
from ..notices import warn
from .label_studio import LabelStudioBackend
from .label_studio_request import dicts

MAX_BYTES = 50_000_000
"""Size of the largest request, unless it is given."""


def make_app(backend: LabelStudioBackend, max_bytes: int = MAX_BYTES) -> Any:
    """Make the application that Label Studio connects to.

    Args:
        backend (LabelStudioBackend): The back end.
        max_bytes (int): Size of the largest request. Defaults to
            :data:`MAX_BYTES`.

    Returns:
        starlette.applications.Starlette: /health, /setup, /versions,
        /predict, /train and /webhook. An :class:`InputError` is logged, and
        is the 'error' of a response 400. That of a bank that cannot be
        written is one of a response 500.

    Raises:
        InputError: If Starlette, which FastAPI brings, is not installed.
    """
    require_extra('serve', 'starlette')
    from starlette.applications import Starlette
    from starlette.routing import Route

    def health(_: object) -> dict:
        return dict(status='UP', model_class='mmseg_panet')

    def setup(_: object) -> dict:
        return dict(model_version=backend.model_version)

    def versions(_: object) -> dict:
        return dict(versions=[backend.model_version])

    return Starlette(routes=[
        Route(path, _answer(method, status, max_bytes), methods=methods)
        for path, method, status, methods in (
            ('/', health, 200, ['GET']),
            ('/health', health, 200, ['GET']),
            ('/setup', setup, 200, ['POST']),
            ('/versions', versions, 200, ['GET', 'POST']),
            ('/predict', backend.predict, 200, ['POST']),
            ('/train', backend.train, 201, ['POST']),
            ('/webhook', backend.webhook, 201, ['POST']))])


def _answer(method: Callable[[Mapping[str, Any]], dict], status: int,
            max_bytes: int) -> Callable:
    """Wrap a function from JSON to JSON as an endpoint."""
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse

    async def endpoint(request: Request) -> JSONResponse:
        content = bytearray()
        try:
            async for part in request.stream():
                content += part
                if len(content) > max_bytes:
                    raise InputError(
                        f'expected a request of at most {max_bytes:,} bytes, '
                        'got a larger one; send fewer tasks at once, or raise '
                        '--max-upload')
            given = _parse(bytes(content)) if content else {}
            # Others are answered meanwhile.
            return JSONResponse(
                await run_in_threadpool(method, given), status)
        except InputError as error:
            warn(str(error))
            return JSONResponse(dict(error=str(error)), 400)
        except OSError as error:  # the bank could not be written
            warn(str(error))
            return JSONResponse(dict(error=str(error)), 500)

    return endpoint


def _parse(content: bytes) -> dict:
    with error_context('the request is not valid JSON',
                       'send the JSON of Label Studio'):
        given, *_ = dicts(parse_json(content), 'a dict')
    return given
