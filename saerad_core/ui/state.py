"""What a page works with: the data folder, the chosen workspace, its reader and its live engine."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import streamlit as st

from saerad_core.errors import WorkspaceError
from saerad_core.explorer import Explorer
from saerad_core.ui.links import Links
from saerad_core.ui.login import admit
from saerad_core.ui.place import data_folder
from saerad_core.workspace import Manifest, Workspace, list_workspaces

if TYPE_CHECKING:
    from saerad_core.datasets import Dataset
    from saerad_core.engine import Engine

DEFAULT = "demo"
"""Workspace that is shown when the address names none."""


def browsable() -> list[Workspace]:
    """Workspaces whose features can be looked at."""
    return [workspace for workspace in list_workspaces(data_folder()) if workspace.is_browsable()]


def open_named(name: str) -> Workspace:
    """The workspace called ``name``.

    Raises:
        WorkspaceError: there is none that can be browsed.
    """
    root = data_folder() / name
    try:
        # Every thumbnail asks: only this manifest is read, and only when it was written again.
        workspace = (
            _opened(str(root), (root / "workspace.json").stat().st_mtime_ns) if root.name == name != ".." else None
        )
    except (OSError, ValueError):
        workspace = None
    if workspace is None or not workspace.is_browsable():
        raise WorkspaceError(f"There is no workspace called {name!r} here; choose one from the list on the left.")
    return workspace


@lru_cache(maxsize=16)
def _opened(root: str, stamp: int) -> Workspace:
    return Workspace.open(Path(root))


@dataclass(frozen=True)
class Here:
    """The workspace that this run shows."""

    workspace: Workspace
    explorer: Explorer
    links: Links

    @property
    def name(self) -> str:
        return self.workspace.root.name

    @property
    def simulated(self) -> bool:
        return self.workspace.manifest.dataset.simulated

    @property
    def pseudo_reports(self) -> bool:
        return self.workspace.manifest.dataset.pseudo_reports


def _stamp(workspace: Workspace) -> tuple[str, int]:
    # A rebuilt workspace is another one: its manifest was written again.
    return str(workspace.root), (workspace.root / "workspace.json").stat().st_mtime_ns


_open: WeakValueDictionary[tuple[str, int], Explorer] = WeakValueDictionary()
"""Readers that are kept, by the stamp of their workspace."""


@st.cache_resource(max_entries=4, show_spinner=False)
def _explorer(root: str, stamp: int) -> Explorer:
    return Explorer(Workspace.open(Path(root)), admit)


@st.cache_resource(max_entries=2, show_spinner=False)
def _engine(root: str, version: str) -> Engine:
    from saerad_core.engine import Engine  # torch: 2 s that only live work needs

    workspace = Workspace.open(Path(root))
    return Engine(workspace, curation=explorer_of(workspace).curation)


@st.cache_resource(max_entries=4, show_spinner=False)
def _dataset(root: str, version: str) -> Dataset:
    from saerad_core.datasets import open_dataset

    return open_dataset(Workspace.open(Path(root)).manifest.dataset)


def version_of(workspace: Workspace) -> str:
    """Changes when the workspace is built anew: part of every picture's address."""
    stages = workspace.manifest.stages
    keys = "".join(
        stages[name].key for name in ("encode", "activate", "describe", "index", "maps", "score") if name in stages
    )
    return sha256(keys.encode()).hexdigest()[:10]


def encoder_name(manifest: Manifest) -> str:
    """The encoder as a reader knows it: without the folders of this machine."""
    name = manifest.encoder.id
    return Path(name).name if Path(name).is_absolute() or name.startswith(".") else name


def folder_name(workspace: Workspace) -> str:
    """The workspace as a command names it: without the folders of this machine."""
    return f"data/{workspace.root.name}"


def dataset_of(workspace: Workspace) -> Dataset:
    """The adapter that can show the workspace's X-rays again."""
    return _dataset(str(workspace.root), version_of(workspace))


def explorer_of(workspace: Workspace) -> Explorer:
    """The workspace's reader, shared by all sessions."""
    stamp = _stamp(workspace)
    explorer = _explorer(*stamp)
    _open[stamp] = explorer
    return explorer


def open_explorer(workspace: Workspace) -> Explorer | None:
    """The same, at once; None where the workspace's reader would have to be made."""
    return _open.get(_stamp(workspace))


def engine_of(workspace: Workspace) -> Engine:
    """The workspace's live engine, shared by all sessions."""
    return _engine(str(workspace.root), version_of(workspace))


def warm_engine(workspace: Workspace) -> None:
    """Load the engine in the background, so that the first X-ray doesn't wait for it."""
    threading.Thread(target=_warm, args=(workspace,), daemon=True).start()


def _warm(workspace: Workspace) -> None:
    try:
        engine_of(workspace).warm()
    except ValueError:
        return  # Said in one sentence when an X-ray is read; nobody reads a background thread.


def set_here(here: Here) -> None:
    """Called by the shell, before the page runs."""
    st.session_state["_here"] = here


def here() -> Here:
    """The workspace that the shell chose for this run."""
    return st.session_state["_here"]


def set_pages(pages: dict[str, st.Page]) -> None:
    """Called by the shell: name in the registry -> Streamlit's page."""
    st.session_state["_pages"] = pages


def go_to(here: Here, name: str, **query: str | int) -> None:
    """Leave this page for another one of the same workspace."""
    st.switch_page(
        st.session_state["_pages"][name],
        query_params={"ws": here.name} | {key: str(value) for key, value in query.items()},
    )
