"""HTTP routes for pictures: thumbnails, 512 px pictures, real values and heatmaps of a workspace's X-rays.

Streamlit's own login doesn't cover custom routes, so these answer for known X-rays only and never read a path from the address.
A session's own X-ray answers to a name that only its browser was told. Original files are never served.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from saerad_core.errors import SaeRadError
from saerad_core.ui import state
from saerad_core.ui.atlas.routes import atlas_routes
from saerad_core.ui.links import base
from saerad_core.ui.viewer.held import Held, held
from saerad_core.ui.viewer.stored import StoredValues
from saerad_core.workspace import Workspace

_WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_IMAGE = re.compile(r"[^./\\\x00-\x1f][^/\\\x00-\x1f]{0,199}")
_FEATURE = re.compile(r"[0-9]{1,7}")
# The address carries the workspace's version, so what it names never changes.
_CACHE = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_KEPT_HEATMAPS = 512
"""Heatmaps kept in memory, about 10 kB each."""


class _Heatmaps:
    """The last heatmaps; a second look at one costs nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, int, str], bytes] = OrderedDict()

    def of(self, workspace: Workspace, feature_id: int, image_id: str) -> bytes:
        key = (str(workspace.root), state.version_of(workspace), feature_id, image_id)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        row = state.explorer_of(workspace).store.roster.row_of(image_id)
        png = state.engine_of(workspace).heatmap_png(feature_id, image_id=image_id, row=row)
        with self._lock:
            self._kept[key] = png
            while len(self._kept) > _KEPT_HEATMAPS:
                self._kept.popitem(last=False)
        return png


_heatmaps = _Heatmaps()
_values_kept = StoredValues()
_drawing = threading.Lock()


def routes() -> list[BaseRoute]:
    """What app.py mounts."""
    root = f"{base()}/xray/{{workspace}}"
    return [
        Route(f"{root}/thumb/{{image_id}}", _thumb),
        Route(f"{root}/picture/{{image_id}}", _picture),
        Route(f"{root}/values/{{image_id}}", _values),
        Route(f"{root}/heat/{{feature_id}}/{{image_id}}.png", _heat),
        Route(f"{root}/held/{{token}}/values", _held_values),
        Route(f"{root}/held/{{token}}/heat/{{feature_id}}.png", _held_heat),
        *atlas_routes(),
    ]


class ThumbMiddleware:
    """Answers for thumbnails ahead of Streamlit's own layers (compression, its session, routing), which take longer than the answer.

    It has to stand behind the sign-in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._address = re.compile(rf"{re.escape(base())}/xray/(?P<workspace>[^/]+)/thumb/(?P<image_id>[^/]+)")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["method"] == "GET" and self._address.fullmatch(scope["path"])
        if not asked:
            await self.app(scope, receive, send)
            return
        answer = await _thumb(Request({**scope, "path_params": asked.groupdict()}))
        await answer(scope, receive, send)


class _Unknown(Exception):
    """The address names nothing that there is."""


def _named(request: Request) -> tuple[Workspace, str]:
    image_id = request.path_params["image_id"]
    if not _IMAGE.fullmatch(image_id):
        raise _Unknown
    workspace = _workspace(request)
    if not state.explorer_of(workspace).has_image(image_id):
        raise _Unknown
    return workspace, image_id


def _workspace(request: Request) -> Workspace:
    name = request.path_params["workspace"]
    if not _WORKSPACE.fullmatch(name):
        raise _Unknown
    try:
        return state.open_named(name)
    except SaeRadError as error:
        raise _Unknown from error


def _feature(request: Request, workspace: Workspace) -> int:
    number = request.path_params["feature_id"]
    if not _FEATURE.fullmatch(number) or int(number) >= state.explorer_of(workspace).n_features:
        raise _Unknown
    return int(number)


def _held(request: Request) -> tuple[Workspace, Held]:
    token = request.path_params["token"]
    # Another site's page can't read the answer; it shall not even make this one decode.
    if not _TOKEN.fullmatch(token) or request.headers.get("sec-fetch-site", "same-origin") not in (
        "same-origin",
        "none",
    ):
        raise _Unknown
    found = held(token)
    if found is None:
        raise _Unknown
    return _workspace(request), found


def _file(path: Path) -> Response:
    # Read at once: FileResponse asks a thread for the size, for the file and for each piece, which takes longer than 8 kB do.
    return Response(path.read_bytes(), media_type="image/webp", headers=_CACHE)


def _refused(error: SaeRadError) -> Response:
    return PlainTextResponse(str(error), status_code=404, headers={"Cache-Control": "no-store"})


def _not_there() -> Response:
    return PlainTextResponse("There is no such X-ray here.", status_code=404, headers={"Cache-Control": "no-store"})


async def _thumb(request: Request) -> Response:
    image_id = request.path_params["image_id"]
    try:
        workspace = _workspace(request)
    except _Unknown:
        return _not_there()
    # Of an open workspace it takes less time than the way to a thread and back; a page has 24 of them.
    explorer = state.open_explorer(workspace) or await run_in_threadpool(state.explorer_of, workspace)
    if not _IMAGE.fullmatch(image_id) or not explorer.has_image(image_id):
        return _not_there()
    try:
        return _file(workspace.thumb(image_id))
    except FileNotFoundError:
        return _not_there()


async def _picture(request: Request) -> Response:
    return await run_in_threadpool(_picture_of, request)


def _picture_of(request: Request) -> Response:
    try:
        workspace, image_id = _named(request)
    except _Unknown:
        return _not_there()
    path = workspace.picture(image_id)
    if not path.is_file():
        try:
            _draw(workspace, image_id, path)
        except SaeRadError as error:
            # Better a small picture than none, where the files have gone or were never there.
            if workspace.thumb(image_id).is_file():
                return _file(workspace.thumb(image_id))
            return _refused(error)
    return _file(path)


def _draw(workspace: Workspace, image_id: str, path: Path) -> None:
    """Simulated X-rays are drawn for people when they are first looked at."""
    from saerad_core.images.pictures import picture

    with _drawing:
        if path.is_file():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(picture(state.dataset_of(workspace).picture(image_id)))
        part.replace(path)


async def _values(request: Request) -> Response:
    return await run_in_threadpool(_values_of, request)


def _values_of(request: Request) -> Response:
    try:
        workspace, image_id = _named(request)
        head, body = _values_kept.of(workspace, image_id)
    except _Unknown:
        return _not_there()
    except SaeRadError as error:
        return _refused(error)
    return _sixteen_bits(head, body, _CACHE)


async def _held_values(request: Request) -> Response:
    return await run_in_threadpool(_held_values_of, request)


def _held_values_of(request: Request) -> Response:
    try:
        values, body = _held(request)[1].answer()
    except _Unknown:
        return _not_there()
    except SaeRadError as error:
        return _refused(error)
    return _sixteen_bits(values.head(), body, _PRIVATE)


def _sixteen_bits(head: dict, body: bytes, headers: dict[str, str]) -> Response:
    # The browser itself undoes the compression; ASCII, as headers are.
    more = {"Content-Encoding": "gzip", "X-Values": json.dumps(head), "Cross-Origin-Resource-Policy": "same-origin"}
    return Response(body, media_type="application/octet-stream", headers=headers | more)


async def _heat(request: Request) -> Response:
    return await run_in_threadpool(_heat_of, request)


def _heat_of(request: Request) -> Response:
    try:
        workspace, image_id = _named(request)
        png = _heatmaps.of(workspace, _feature(request, workspace), image_id)
    except _Unknown:
        return _not_there()
    except SaeRadError as error:
        return _refused(error)
    return Response(png, media_type="image/png", headers=_CACHE)


async def _held_heat(request: Request) -> Response:
    return await run_in_threadpool(_held_heat_of, request)


def _held_heat_of(request: Request) -> Response:
    try:
        workspace, found = _held(request)
        png = state.engine_of(workspace).heatmap_png(_feature(request, workspace), pixels=found.pixels)
    except _Unknown:
        return _not_there()
    except SaeRadError as error:
        return _refused(error)
    return Response(png, media_type="image/png", headers=_PRIVATE)
