"""The paper's table on a workspace of the MIMIC-CXR layout, whose every word and picture is made up."""

from __future__ import annotations

from typer.testing import CliRunner

from saerad_core.cli import app
from saerad_core.evaluation import paper
from saerad_core.workspace import DatasetInfo
from tests.datasets import trees
from tests.evaluation import small


def test_evaluate_fills_the_rows_of_the_papers_table(tmp_path):
    trees.mimic(tmp_path / "tree", patients=120)
    info = DatasetInfo(kind="mimic-cxr", title="MIMIC-CXR", options={"root": str(tmp_path / "tree"), "seed": 0})
    workspace = small.of_dataset(tmp_path / "ws", info)
    done = CliRunner().invoke(app, ["evaluate", str(workspace.root), "--systems", "nearest,all_normal"])
    assert done.exit_code == 0, done.output
    text = (workspace.root / "paper-table.md").read_text(encoding="utf-8")
    assert text in done.output
    rows = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
        for line in text.splitlines()
        if line.startswith("|")
    }
    head = list(paper.COLUMNS.values())
    assert rows[""] == head
    published = dict(zip(head, rows["SAE-Rad, published"], strict=True))
    assert published["RadFact F1"] == "35.18" and published["BLEU-4"] == "1.90" and published["ROUGE-L"] == ""
    assert dict(zip(head, rows["SAE-Rad without indication, published"], strict=True))["RadFact F1"] == "32.67"
    for name in ("This program", "Nearest X-ray's report", "Always normal"):
        # The tree's test patients have none of the five observations, so that their macro mean is of nothing.
        assert rows[name].pop(head.index("label F1, 5, macro")) == ""
        assert all(0 <= float(cell) <= 100 for cell in rows[name])
    assert float(rows["This program"][2]) > float(rows["Always normal"][2])
    assert "Research use only" in text and "not a radiologist's reading" in text
