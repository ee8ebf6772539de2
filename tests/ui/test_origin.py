"""Where a workspace comes from: counts and shares that agree, and nothing that may name a place or a person."""

from __future__ import annotations

import pytest

from saerad_core.ui.origin import dataset_table, encoder_table, funnel_table, made_table, plain_command, taken_table
from saerad_core.workspace import DatasetInfo, EncoderInfo, Manifest, StageRecord

FUNNEL = {
    "listed": 200, "frontal": 120, "file found": 110, "with report": 100, "with findings": 90, "patients": 60, "train": 70,
    "validate": 10, "test": 20, "left out: no <such> file": 10, "refused files": 4, "embedded": 96,
}  # fmt: skip


def test_the_funnel_tells_counts_and_shares() -> None:
    table = funnel_table(FUNNEL) + taken_table(FUNNEL)
    order = [
        table.index(f">{name}<")
        for name in ("listed", "frontal", "file found", "with report", "embedded", "train", "test")
    ]
    assert order == sorted(order), "steps come in order, what is embedded last of them, then splits"
    assert "48\N{NARROW NO-BREAK SPACE}% of the first step" in table, "96 of 200"
    assert "70\N{NARROW NO-BREAK SPACE}% of the X-rays of all splits" in table
    assert "left out: no &lt;such&gt; file" in table and "width:60.0%" in table
    assert "kept no counts" in funnel_table({})


def test_a_funnel_without_losses_names_none() -> None:
    funnel = {"simulated patients": 5, "simulated X-rays": 7, "refused files": 0, "embedded": 7}
    table = funnel_table(funnel) + taken_table(funnel)
    assert taken_table({}) == ""
    assert "refused" not in table and ">simulated patients<" in table and table.count('class="bar"') == 2


def test_no_path_and_no_free_text_is_shown() -> None:
    info = DatasetInfo(kind="openi", title="T", options={"root": "/data/St-Mary/Doe", "views": "/x/Doe.csv", "seed": 7})
    manifest = Manifest(
        name="a", dataset=info, encoder=EncoderInfo(id="/home/doe/model", fingerprint="ab" * 32, d=768),
        stages={"encode": StageRecord(seconds=600)},
        provenance={"command": "python -m saerad_core build --dataset openi --root /data/St-Mary/Doe --k 15 --title=Doe", "date": "2026-01-01"},
    )  # fmt: skip
    tables = dataset_table(info) + encoder_table(manifest.encoder, "model") + made_table(manifest)
    assert "Doe" not in tables and "doe" not in tables and "Mary" not in tables
    assert "Open-i" in tables and "10 min" in tables and ">abababababab<" in tables and ">7<" in tables


@pytest.mark.parametrize(
    ("command", "plain"),
    [
        ("python -m saerad_core demo", "python -m saerad_core demo"),
        ("x build --root /a b/c d --k 15", "x build --root … --k 15"),
        ("x build --images=/a/b --no-sweep", "x build --images=… --no-sweep"),
        ("x train /a/b --width 64", "x train … --width 64"),
    ],
)
def test_a_command_is_shown_without_paths(command: str, plain: str) -> None:
    assert plain_command(command) == plain
