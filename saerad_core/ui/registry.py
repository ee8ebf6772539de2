"""The pages in the order of the menu. A new page is one file under pages/ and one line here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGES_FOLDER = Path(__file__).resolve().parents[2] / "pages"


@dataclass(frozen=True)
class PageEntry:
    """One page of the app."""

    name: str
    """File under pages/ and path in the address; the first page's path is empty."""
    title: str
    """In the menu and the browser's tab."""
    says: str
    """One line on what a reader does there."""
    build_free: bool = False
    """Whether it can be shown while a workspace's features are still in the making."""

    @property
    def file(self) -> Path:
        return PAGES_FOLDER / f"{self.name}.py"


PAGES: tuple[PageEntry, ...] = (
    PageEntry("overview", "Overview", "What this workspace is and how good it is."),
    PageEntry("features", "Features", "Look up what the model has learned, with the X-rays that show it."),
    PageEntry("xray", "X-rays", "One X-ray with every feature that is active on it, and X-rays like it."),
    PageEntry("atlas", "Atlas", "All features on one map; circle some to list them."),
    PageEntry("curate", "Curate", "Correct, accept or reject descriptions; every edit keeps its history."),
    PageEntry("report", "Report", "Read an X-ray and follow every sentence back to its evidence."),
    PageEntry("study", "Reader study", "Mark the sentences of blinded reports; see how often each source is right."),
    PageEntry("evaluate", "Evaluate", "How often features and reports are right, beside simple baselines."),
)
