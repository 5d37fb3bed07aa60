"""The annotation page's server: fixed files, and the set's pictures and answers as JSON."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from edgehands.annotate.messages import Answer, Box
from edgehands.dataset.annotations import Outdated
from edgehands.errors import DatasetError, EdgehandsError
from edgehands.preview.guard import Guard, check_token, same_token
from edgehands.preview.serving import PageServer, fixed_file, listen, server_config, url_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from edgehands.annotate.session import AnnotationSession
    from edgehands.preview.guard import App
    from edgehands.preview.serving import PageAddress

    Handler = Callable[[Request], Awaitable[Response]]

MAX_BODY: Final = 200_000
WRONG_TOKEN_PAUSE_S: Final = 1.0
"""Delay for each wrong token; with few allowed at a time, tokens can't be guessed by trial."""

_MAX_WAITING: Final = 8
_SCRIPTS: Final = (
    "app.js",
    "editor.js",
    "link.js",
    "marks.js",
    "shapes.js",
    "strip.js",
    "view.js",
)

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


class _TooLarge(DatasetError):
    """A larger request body than any answer has."""


def page_app(session: AnnotationSession, address: PageAddress) -> App:
    """Build the ASGI application: files, the set, and the guard in front of both."""
    folder = Path(__file__).parent / "page"
    icon = Path(__file__).parent.parent / "preview" / "page" / "icon.svg"
    files = {
        "/": (folder / "index.html", "text/html; charset=utf-8"),
        "/style.css": (folder / "style.css", "text/css; charset=utf-8"),
        "/icon.svg": (icon, "image/svg+xml"),
        **{f"/{name}": (folder / name, "text/javascript; charset=utf-8") for name in _SCRIPTS},
    }
    routes = [
        Route(path, fixed_file(file, kind), methods=["GET"]) for path, (file, kind) in files.items()
    ]
    return Guard(Starlette(routes=[*routes, *_Api(session, address.token).routes()]), address.names)


class _Api:
    """The set over HTTP; every response is JSON, except pictures."""

    def __init__(self, session: AnnotationSession, token: str) -> None:
        self._session = session
        self._token = token
        self._waiting = 0

    def routes(self) -> list[Route]:
        """Where what is found."""
        return [
            Route("/api/set", self._guarded(self._set), methods=["GET"]),
            Route("/api/image/{n:int}", self._guarded(self._image), methods=["GET"]),
            Route("/api/thumbnail/{n:int}", self._guarded(self._thumbnail), methods=["GET"]),
            Route("/api/hands/{n:int}", self._guarded(self._hands), methods=["GET"]),
            Route("/api/hands/{n:int}", self._guarded(self._save), methods=["PUT"]),
            Route("/api/guess/{n:int}", self._guarded(self._guess), methods=["POST"]),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        """The handler behind the token check; its errors become responses."""

        async def serve(request: Request) -> Response:
            refused = await self._refused(request)
            if refused is not None:
                return refused
            try:
                return await handler(request)
            except Outdated as error:
                return _trouble(409, error)
            except _TooLarge as error:
                return _trouble(413, error)
            except EdgehandsError as error:
                return _trouble(422, error)

        return serve

    async def _refused(self, request: Request) -> Response | None:
        if not self._token:
            return None
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if same_token(given, self._token):
            return None
        if self._waiting >= _MAX_WAITING:
            return _trouble(429, "too many wrong tokens: wait a second")
        if given:
            self._waiting += 1
            try:
                await asyncio.sleep(WRONG_TOKEN_PAUSE_S)
            finally:
                self._waiting -= 1
        return _trouble(401, "this page asks for a token")

    async def _set(self, _request: Request) -> Response:
        return _json(self._session.overview())

    async def _image(self, request: Request) -> Response:
        data, kind = await run_in_threadpool(self._session.image, request.path_params["n"])
        return Response(data, headers={"content-type": kind})

    async def _thumbnail(self, request: Request) -> Response:
        data = await run_in_threadpool(self._session.thumbnail, request.path_params["n"])
        return Response(data, headers={"content-type": "image/jpeg"})

    async def _hands(self, request: Request) -> Response:
        return _json(await run_in_threadpool(self._session.hands, request.path_params["n"]))

    async def _save(self, request: Request) -> Response:
        answer = await _body(request, Answer)
        return _json(await run_in_threadpool(self._session.save, request.path_params["n"], answer))

    async def _guess(self, request: Request) -> Response:
        box = await _body(request, Box)
        return _json(await run_in_threadpool(self._session.guess, request.path_params["n"], box))


async def _body(request: Request, kind: type[T]) -> T:
    """The body that the page sent.

    Raises:
        DatasetError: it is too large, or invalid.
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise _TooLarge(f"more than {MAX_BODY} bytes, the limit for an answer")
    try:
        return msgspec.json.decode(bytes(data), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DatasetError(f"the page sent what can't be kept: {str(error)[:200]}") from None


def _json(value: Any, status: int = 200) -> Response:
    return Response(_encoder.encode(value), status, {"content-type": "application/json"})


def _trouble(status: int, error: Exception | str) -> Response:
    return _json({"error": str(error)}, status)


def serve_annotation(
    session: AnnotationSession, address: PageAddress, *, ready: Callable[[str], None]
) -> None:
    """Serve the page until SIGINT or SIGTERM.

    Args:
        session: the set and the annotator.
        address: where to listen.
        ready: called with the page's URL when it can be opened; the URL holds no token.

    Raises:
        UsageError: The address can't be listened on, or asks for a token.
    """
    check_token(address.host, address.token)
    listener = listen(address)
    config = server_config(page_app(session, address))

    async def run() -> None:
        ready(url_of(address.host, listener.getsockname()[1]))
        await PageServer(config).serve([listener])

    with contextlib.closing(listener), contextlib.closing(session):
        asyncio.run(run())
