"""Many readers at once: websocket sessions that speak Streamlit's protocol, go from page to page and fetch the pictures of each.

A page counts from the message that asks for it until the script has finished and its first 24 pictures have come. No browser
draws: 25 of them would need more cores than the server. Pictures are fetched as a browser does it: as soon as the part of the page
that shows them is there, over at most six connections that stay open.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from benchmarks.common import Results
from saerad_core.explorer import Explorer, FeatureQuery
from saerad_core.workspace import Workspace
from tests.e2e.browser import Server

THINK = 2.0
"""Seconds between a page and the next one that a reader asks for."""
PICTURE = re.compile(r'(?:src|href)="(/xray/[^"]+/thumb/[^"]+)"')


PICTURES = 24
"""Pictures of a page that are waited for."""
CONNECTIONS = 6
"""What browsers open to one host."""
MIX = {"feature": 6, "list": 2, "search": 1, "xray": 2, "overview": 1}
"""How often each kind of page is opened: mostly features."""
WARMING = 3
"""Pages before anything is timed."""


def sessions(results: Results, workspace: Workspace, server: Server, counts: tuple[int, ...], pages_each: int) -> int:
    """Add the rows of each number of sessions; how many pages were asked for before, untimed."""
    explorer = Explorer(workspace)
    features = [int(one) for one in explorer.catalogue.find(FeatureQuery(described=True, sort="id"))]
    images = [image.image_id for image in explorer.unseen_images(100)]
    asyncio.run(_session(server, workspace.root.name, features, images, WARMING, random.Random(0)))
    for n in counts:
        busy = time.process_time()
        found = asyncio.run(_all(server, workspace.root.name, features, images, n, pages_each))
        times = [value for mine in found for value in mine[0]]
        errors = sum(mine[1] for mine in found)
        limit = 1 if n <= 25 else 3
        goal = f"{n} sessions with 2 s think time on mixed pages: p95 <= {limit} s, 0 errors"
        p95 = float(np.percentile(times, 95))
        results.add(f"{n} sessions, {len(times)} pages: p50", float(np.median(times)), "s")
        results.add(f"{n} sessions, {len(times)} pages: p95", p95, "s", goal, p95 <= limit and not errors)
        results.add(f"{n} sessions: errors", errors, "", goal, errors == 0)
        asking = (time.process_time() - busy) / len(times) * 1000
        results.add(f"{n} sessions: the asking side's processor time, a page with its pictures", asking, "ms")
    return WARMING


def by_kind(results: Results, workspace: Workspace, server: Server, busy: Callable[[], float], pages: int) -> None:
    """Add what ``pages`` pages of each kind take of the server's processor time, a second by ``busy``; one reader, no thought between."""
    explorer = Explorer(workspace)
    features = [int(one) for one in explorer.catalogue.find(FeatureQuery(described=True, sort="id"))]
    images = [image.image_id for image in explorer.unseen_images(100)]
    name = workspace.root.name
    # From the first 32 questions of a kind on the store keeps what is asked.
    asyncio.run(_session(server, name, features, images, 40, random.Random(0), {"feature": 1}, 0))
    for kind in MIX:
        before = busy()
        asyncio.run(_session(server, name, features, images, pages, random.Random(1), {kind: 1}, 0))
        spent = (busy() - before) / pages * 1000
        results.add(f"one reader: the server's processor time, {kind} with its pictures", spent, "ms")


async def _all(server: Server, name: str, features: list[int], images: list[str], n: int, pages: int):
    return await asyncio.gather(*(_session(server, name, features, images, pages, random.Random(i)) for i in range(n)))


def _address(features: list[int], images: list[str], name: str, rng: random.Random, mix: dict) -> tuple[str, str]:
    """Page and query of what a reader might open next."""
    kind = rng.choices(tuple(mix), tuple(mix.values()))[0]
    if kind == "feature":
        return "features", f"ws={name}&feature={rng.choice(features)}"
    if kind == "list":
        return "features", f"ws={name}&page={rng.randint(1, 50)}&sort={rng.choice(('strength', 'frequent', 'auroc'))}"
    if kind == "search":
        return "features", f"ws={name}&q={rng.choice(('effusion', 'nodule left', 'cardio', 'pneumothorx'))}"
    if kind == "xray":
        return "xray", f"ws={name}&image={rng.choice(images)}"
    return "", f"ws={name}"


async def _session(
    server: Server,
    name: str,
    features: list[int],
    images: list[str],
    pages: int,
    rng: random.Random,
    mix: dict = MIX,
    think: float = THINK,
) -> tuple[list[float], int]:
    times, errors = [], 0
    await asyncio.sleep(rng.random() * think)
    url = server.url.replace("http", "ws") + "/_stcore/stream"
    async with connect(url, subprotocols=["streamlit"], max_size=None, open_timeout=120, origin=server.url) as socket:  # type: ignore[arg-type]
        pictures = Pictures(server.url)
        try:
            for _ in range(pages):
                page, query = _address(features, images, name, rng, mix)
                message = BackMsg()
                message.rerun_script.query_string = query
                message.rerun_script.page_name = page
                began = time.perf_counter()
                await socket.send(message.SerializeToString())
                failed = await _answer(socket, pictures)
                failed |= not await pictures.come()
                times.append(time.perf_counter() - began)
                errors += failed
                await asyncio.sleep(think)
        finally:
            pictures.close()
    return times, errors


async def _answer(socket, pictures: Pictures) -> bool:
    """One run of the script; whether it failed. Its pictures are asked for as they appear."""
    failed = False
    while True:
        message = ForwardMsg()
        message.ParseFromString(await asyncio.wait_for(socket.recv(), 120))
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            if element.WhichOneof("type") == "html":
                pictures.ask(PICTURE.findall(element.html.body.replace("&amp;", "&")))
            failed |= element.WhichOneof("type") == "exception"
        if kind == "script_finished":
            return failed or message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY


class Pictures:
    """One reader's pictures: at most PICTURES a page, each once, over CONNECTIONS connections that stay open."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self._free: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.LifoQueue()
        for _ in range(CONNECTIONS):
            self._free.put_nowait(None)
        self._asked: dict[str, asyncio.Task[bool]] = {}

    def ask(self, addresses: list[str]) -> None:
        for one in addresses:
            if one not in self._asked and len(self._asked) < PICTURES:
                self._asked[one] = asyncio.create_task(self._fetched(one))

    async def come(self) -> bool:
        """Whether all of the page's have come; the next page begins anew."""
        found = await asyncio.gather(*self._asked.values())
        self._asked = {}
        return all(found)

    async def _fetched(self, path: str) -> bool:
        connection = await self._free.get()
        try:
            # The server closes what lay idle for 5 s, at worst while it is being asked; browsers then ask anew.
            if connection is not None:
                try:
                    return await self._get(connection, path)
                except (asyncio.IncompleteReadError, ConnectionError):
                    connection[1].close()
            host, port = self._host.split(":")
            connection = await asyncio.open_connection(host, int(port))
            return await self._get(connection, path)
        finally:
            self._free.put_nowait(connection)

    async def _get(self, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str) -> bool:
        reader, writer = connection
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nAccept: image/*\r\n\r\n".encode())
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 120)).decode("latin-1").lower()
        body = await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
        return head.startswith("http/1.1 200 ") and len(body) > 0

    def close(self) -> None:
        while not self._free.empty():
            if (connection := self._free.get_nowait()) is not None:
                connection[1].close()
