"""Published layouts go through the whole build, and the workspace leads back to their files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import pytest

from saerad_core import pipeline
from saerad_core.datasets import open_dataset
from saerad_core.explorer import Explorer
from saerad_core.pipeline import BuildSettings
from saerad_core.sae.config import SaeConfig
from saerad_core.workspace import DatasetInfo, Workspace
from tests.datasets import trees
from tests.test_encoder import write_encoder


def built(kind: str, make: Callable[..., None], folder: Path) -> Workspace:
    make(folder / "tree")
    write_encoder(folder / "encoder")
    info = DatasetInfo(kind=kind, title=kind, options={"root": str(folder / "tree"), "seed": 0})
    settings = BuildSettings(
        info, str(folder / "encoder"), folder / "ws", width=32, k=4, active=4, workers=1, sweep=False
    )
    with mock.patch.object(pipeline, "SaeConfig", partial(SaeConfig, steps=40, warmup=5, check_every=20)):
        return pipeline.build(settings)


@pytest.mark.parametrize(
    ("kind", "make"), [("mimic-cxr", partial(trees.mimic, patients=30)), ("openi", partial(trees.openi, reports=40))]
)
def test_a_published_layout_becomes_a_workspace(kind: str, make: Callable[..., None], tmp_path: Path) -> None:
    workspace = built(kind, make, tmp_path)
    manifest = workspace.manifest
    assert [*manifest.stages] == [name for name in pipeline.STAGES if name != "sample"]
    assert manifest.dataset.kind == kind
    dataset = open_dataset(manifest.dataset)
    records = {record.image_id: record for record in dataset.records()}
    funnel = dict(dataset.funnel)
    assert manifest.funnel == funnel | {"refused files": 0, "embedded": len(records)}
    assert manifest.counts.images == len(records) and manifest.counts.patients == funnel["patients"]
    assert manifest.counts.train_images == funnel["train"]
    stored = Explorer(workspace).store.images()
    assert set(stored["image_id"]) == set(records)
    for row in stored.to_dict("records"):
        record = records[row["image_id"]]
        assert all(row[name] == getattr(record, name) for name in ("findings", "impression", "split", "patient_id"))
        assert workspace.thumb(record.image_id).is_file() and workspace.picture(record.image_id).is_file()
    assert 0 < manifest.metrics.l0 <= manifest.sae.k
