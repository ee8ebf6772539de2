"""What every benchmark shares: its rows, its table, its JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

VERSIONS = (
    "torch",
    "transformers",
    "numpy",
    "duckdb",
    "faiss-cpu",
    "streamlit",
    "scikit-learn",
    "sae-lens",
    "dictionary-learning",
    "eai-sparsify",
)


@dataclass
class Row:
    """One measured figure beside its goal."""

    name: str
    value: float | None
    """None where it couldn't be measured; the unit then says why."""
    unit: str
    goal: str = ""
    """The goal's own words; "" where there is none."""
    met: bool | None = None


@dataclass
class Results:
    """The rows of one run."""

    rows: list[Row] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, goal: str = "", met: bool | None = None) -> None:
        """Keep a figure and print it."""
        row = Row(name, round(float(value), 4), unit, goal, met)
        self.rows.append(row)
        verdict = "" if met is None else "met" if met else "MISSED"
        print(f"{row.name:58} {float(value):>10.4g} {row.unit:22} {verdict:7} {row.goal}", flush=True)

    def unmeasured(self, name: str, why: str, goal: str = "") -> None:
        """Keep that a figure couldn't be measured here, which is no goal met."""
        self.rows.append(Row(name, None, f"not measured: {why}", goal))
        print(f"{name:58} {'':>10} not measured: {why:8} {goal}", flush=True)

    def write(self, path: Path | None) -> None:
        """Write the JSON file, where one was asked for."""
        if path is None:
            return
        found = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, shared",
            "versions": {"python": platform.python_version()} | _versions(),
            "date": datetime.now(UTC).date().isoformat(),
            "rows": [asdict(row) for row in self.rows],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smaller run that shows that it works")
    parser.add_argument("--json", type=Path, default=None, help="where the figures are written")
    return parser


def _versions() -> dict[str, str]:
    """Of what is installed: an environment for peers lacks the app's packages."""
    found = {}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
