"""HTTP routes of the map: places once for good, a column's colours for each state of the descriptions, a feature's words when pointed at.

49,152 places weigh a quarter of a megabyte and each column 50 kB at most; the browser keeps both, so a second look costs nothing.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import numpy as np
from cachetools import LRUCache
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from saerad_core.errors import SaeRadError
from saerad_core.explorer import AtlasPoints, Explorer
from saerad_core.explorer.areas import grid_places
from saerad_core.ui import state
from saerad_core.ui.atlas.columns import coloured, columns, values
from saerad_core.ui.links import base

_WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_COLUMN = re.compile(r"[A-Za-z0-9_ ]{1,64}")
_FEATURE = re.compile(r"[0-9]{1,7}")
# The address carries the map's version and the descriptions' revision: what it names never changes.
_CACHE = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_kept: LRUCache[tuple[Any, ...], Response] = LRUCache(64)
_lock = threading.Lock()


class _Unknown(Exception):
    """The address names nothing that there is."""


def atlas_routes() -> list[BaseRoute]:
    """What app.py mounts beside the pictures."""
    root = f"{base()}/xray/{{workspace}}/atlas"
    return [
        Route(f"{root}/places", _places),
        Route(f"{root}/colours/{{column}}", _colours),
        Route(f"{root}/feature/{{feature_id}}", _feature),
    ]


def addresses(here: state.Here, column: str) -> dict[str, str]:
    """Where the page finds the map's places and colours, and a feature's words before its number."""
    root = f"{base()}/xray/{quote(here.name)}/atlas"
    version = f"v={here.links.version}-{here.workspace.atlas_file.stat().st_mtime_ns:x}"
    colour = f"{version}&r={here.explorer.revision}"
    return {
        "places": f"{root}/places?{version}",
        "colours": f"{root}/colours/{quote(column)}?{colour}",
        "words": f"{root}/feature/",
        "column": quote(column),
    }


def _map(request: Request) -> tuple[Explorer, AtlasPoints]:
    name = request.path_params["workspace"]
    if not _WORKSPACE.fullmatch(name):
        raise _Unknown
    try:
        explorer = state.explorer_of(state.open_named(name))
    except SaeRadError as error:
        raise _Unknown from error
    points = explorer.atlas()
    if points is None:
        raise _Unknown
    return explorer, points


def _column(explorer: Explorer, key: str) -> str:
    if not _COLUMN.fullmatch(key) or key not in columns(explorer):
        raise _Unknown
    return key


def _numbers(body: np.ndarray, head: dict[str, Any]) -> Response:
    packed = gzip.compress(body.tobytes(), compresslevel=4, mtime=0)
    return Response(
        packed,
        media_type="application/octet-stream",
        headers=_CACHE
        | {
            "Content-Encoding": "gzip",
            "X-Map": json.dumps(head),
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )


def places_body(points: AtlasPoints) -> np.ndarray:
    """uint8: of n points the differences of their numbers (int32), then x and y on the grid (uint16), little-endian."""
    steps = np.diff(points.ids.astype("<i4"), prepend=np.int32(0)).astype("<i4")
    grid = grid_places(points.x, points.y).astype("<u2")
    return np.frombuffer(steps.tobytes() + grid[:, 0].tobytes() + grid[:, 1].tobytes(), dtype=np.uint8)


def _places_of(request: Request) -> Response:
    explorer, points = _map(request)
    return _kept_or(("places", str(explorer.workspace.root), request.query_params.get("v", "")), lambda: _numbers(
        places_body(points), {"n": len(points.ids)}
    ))  # fmt: skip


def _colours_of(request: Request) -> Response:
    explorer, points = _map(request)
    column = _column(explorer, request.path_params["column"])
    key = ("colours", str(explorer.workspace.root), request.query_params.get("v", ""), explorer.revision, column)
    return _kept_or(key, lambda: _numbers(*coloured(explorer, column, points.ids)))


def _kept_or(key: tuple[Any, ...], make: Callable[[], Response]) -> Response:
    with _lock:
        found = _kept.get(key)
    if found is None:
        found = make()
        with _lock:
            _kept[key] = found
    return found


def _feature_of(request: Request) -> Response:
    explorer, points = _map(request)
    number = request.path_params["feature_id"]
    if not _FEATURE.fullmatch(number) or int(number) not in explorer:
        raise _Unknown
    feature_id = int(number)
    column = _column(explorer, request.query_params.get("column", "family"))
    value = values(explorer, column, np.array([feature_id]))[0]
    return JSONResponse(
        {"text": explorer.text(feature_id), "title": columns(explorer)[column].name, "value": _said(value)},
        headers=_PRIVATE,
    )


def _said(value: Any) -> str:  # noqa: ANN401 - whatever a column holds
    if isinstance(value, (float, np.floating)):
        return f"{value:.3g}" if np.isfinite(value) else ""
    return "" if value is None else str(value).replace("_", " ")


async def _places(request: Request) -> Response:
    return await _answer(_places_of, request)


async def _colours(request: Request) -> Response:
    return await _answer(_colours_of, request)


async def _feature(request: Request) -> Response:
    return await _answer(_feature_of, request)


async def _answer(ask: Any, request: Request) -> Response:  # noqa: ANN401 - one of the three above
    try:
        return await run_in_threadpool(ask, request)
    except _Unknown:
        return PlainTextResponse("There is no such map here.", status_code=404, headers={"Cache-Control": "no-store"})
