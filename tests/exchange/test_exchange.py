"""Out of one workspace and into another: nothing is lost on the way, and nothing there is written over."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.errors import SaeRadError
from saerad_core.exchange import FORMATS, carry_out, collect, plan, read
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation import WORKSPACE, CurationStore, Fields
from saerad_core.workspace import Workspace
from tests.store.curation.tools import ACTS, FEATURES, clock, journalled, make, perform
from tests.store.example import Example

BACK = [name for name, form in FORMATS.items() if form.read is not None]
BAD = ["=1+1", "+1", "-1", "@SUM(A1)", "'quoted", '=HYPERLINK("http://x")', 'plain, "quoted"; text']


def written(store: CurationStore, workspace: Workspace, name: str, **what: object) -> bytes:
    return FORMATS[name].write(collect(workspace, store, **what))  # type: ignore[arg-type]


def file_of(folder: Path, name: str, data: bytes) -> Path:
    path = folder / f"out{FORMATS[name].suffix}"
    path.write_bytes(data)
    return path


def taken_in(folder: Path, name: str, data: bytes, store: CurationStore, author: str = "Importer") -> int:
    return carry_out(plan(read(file_of(folder, name, data)), store, FEATURES), store, author)


@settings(max_examples=24, deadline=None)
@given(acts=ACTS, name=st.sampled_from(BACK), bad=st.sampled_from(BAD))
def test_exported_to_an_empty_store_and_imported_is_equal(tmp_path_factory, acts, name: str, bad: str) -> None:
    folder = tmp_path_factory.mktemp("equal")
    here, there = make(folder / "a" / "ws"), make(folder / "b" / "ws")
    store, other = CurationStore(here, clock()), CurationStore(there, clock())
    perform(store, acts)
    if not store.state(5).touched:
        store.edit(5, bad, bad, 0)
    store.release("before", "Ann")
    data = written(store, here, name)
    assert taken_in(folder, name, data, other) == store.revision
    assert other.events() == store.events() and other.snapshot().all() == store.snapshot().all()
    assert written(other, there, name) == data
    # A second time there is nothing to do.
    assert taken_in(folder, name, data, other) == 0
    other.close()
    other = CurationStore(there, clock())
    assert other.events() == store.events() == journalled(there)
    store.close()
    other.close()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Workspace, CurationStore, Workspace, CurationStore]:
    here, there = make(tmp_path / "a" / "ws"), make(tmp_path / "b" / "ws")
    return here, CurationStore(here, clock()), there, CurationStore(there, clock())


@pytest.mark.parametrize("name", BACK)
def test_a_part_and_then_the_rest(pair, tmp_path: Path, name: str) -> None:
    here, store, there, other = pair
    store.tag([1, 2, 3], "Ann", add=["x"])
    taken_in(tmp_path, name, written(store, here, name, features=[2]), other)
    # A third of a bulk act isn't taken for one that was cut short.
    other.close()
    other = CurationStore(there, clock())
    assert other.notices == [] and other.state(2).tags == ("x",) and other.revision == 1
    store.edit(2, "Later", "Bob", 0)
    found = plan(read(file_of(tmp_path, name, written(store, here, name))), other, FEATURES)
    assert {step.feature_id: step.what for step in found.steps} == {1: "ahead", 2: "ahead", 3: "ahead"}
    carry_out(found, other, "x")
    assert other.snapshot().all() == store.snapshot().all()


@pytest.mark.parametrize("name", BACK)
def test_a_dry_run_shows_conflicts_and_writes_nothing(pair, tmp_path: Path, name: str) -> None:
    here, store, _, other = pair
    store.edit(1, "Mine", "Ann", 0)
    store.edit(2, "New", "Ann", 0)
    other.edit(1, "Theirs", "Bob", 0)
    other.edit(3, "Only there", "Bob", 0)
    found = plan(read(file_of(tmp_path, name, written(store, here, name))), other, FEATURES)
    assert other.revision == 2
    assert {step.feature_id: step.what for step in found.steps} == {1: "conflict", 2: "ahead"}
    assert "'Theirs' (draft)" in found.in_words() and "'Mine' (draft)" in found.in_words()
    carry_out(found, other, "x")
    assert other.state(1).text == "Theirs" and other.state(2).text == "New" and other.state(3).text == "Only there"


def edited_csv(data: bytes, change: Callable[[dict[str, str]], None]) -> bytes:
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    for row in rows:
        change(row)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def test_a_spreadsheet_s_changes_become_edits_of_whoever_imports_them(pair, tmp_path: Path) -> None:
    here, store, _, _ = pair
    store.edit(1, "One", "Ann", 0, Fields(side="left"))
    store.edit(2, "Two", "Ann", 0)
    store.accept(3, "Ann", 0)
    data = written(store, here, "csv")

    def change(row: dict[str, str]) -> None:
        if row["feature_id"] == "1":
            row |= {"text": "One and a half", "side": "right", "status": "accepted", "tags": '["seen"]'}
        elif row["feature_id"] == "2":
            row |= {"text": "", "status": "pending"}

    changed = edited_csv(data, change)
    assert taken_in(tmp_path, "csv", changed, store, "Cy") == 4
    one = store.state(1)
    assert (one.text, one.fields.side, one.status, one.tags, one.author) == (
        "One and a half",
        "right",
        "accepted",
        ("seen",),
        "Cy",
    )
    assert store.state(2).text == "" and store.state(2).status == "pending" and store.state(3).status == "accepted"
    # The same file again: what it says counts already.
    assert {step.what for step in plan(read(file_of(tmp_path, "csv", changed)), store, FEATURES).steps} <= {
        "behind",
        "same",
    }
    # Somebody decides otherwise: the file's change is a conflict now.
    store.edit(1, "Something else", "Dee", store.state(1).revision)
    found = plan(read(file_of(tmp_path, "csv", changed)), store, FEATURES)
    assert [step.feature_id for step in found.conflicts] == [1] and "Something else" in found.in_words()


def test_a_plain_table_of_texts(pair, tmp_path: Path) -> None:
    _, store, _, _ = pair
    store.edit(2, "Known", "Ann", 0)
    path = tmp_path / "mine.csv"
    path.write_text("feature_id,text,status\n1,Left effusion,accepted\n2,Other,\n3,,rejected\n")
    found = plan(read(path), store, FEATURES)
    assert {step.feature_id: step.what for step in found.steps} == {1: "edited", 2: "conflict", 3: "edited"}
    carry_out(found, store, "Cy")
    assert (store.state(1).text, store.state(1).status) == ("Left effusion", "accepted")
    assert store.state(2).text == "Known" and store.state(3).status == "rejected"


def test_no_cell_is_a_formula(pair) -> None:
    here, store, _, _ = pair
    for feature, text in enumerate(BAD):
        store.edit(feature, text, text, 0, Fields(finding=text))
        store.note(feature, text, text)
        store.tag([feature], text, add=[text])
        store.assign([feature], text, "Ann")
    rows = list(csv.reader(io.StringIO(written(store, here, "csv").decode("utf-8-sig"), newline="")))
    cells = [cell for row in rows[1:] for cell in row]
    assert any(cell.startswith("'=") for cell in cells)
    assert not [
        cell
        for cell in cells
        if cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not re.fullmatch(r"-?\d+(\.\d+)?", cell)
    ]


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_file_says_what_it_is(tmp_path: Path, name: str) -> None:
    workspace = make(tmp_path / "ws")
    workspace.manifest.dataset.simulated = workspace.manifest.dataset.pseudo_reports = True
    store = CurationStore(workspace)
    store.edit(1, "One", "Ann", 0)
    data = written(store, workspace, name)
    if name == "parquet":
        table = pq.read_table(io.BytesIO(data))
        assert b"simulated" in table.schema.metadata[b"saerad_notices"]
        text = " ".join(table["notice"].to_pylist())
    else:
        text = data.decode("utf-8-sig")
    assert "Research use only" in text and "simulated" in text and "pseudo-reports" in text


class World:
    """A workspace with a store of activations and a thumbnail."""

    def __init__(self, root: Path) -> None:
        self.workspace = make(root / "ws")
        self.example = Example(self.workspace.activations_db)
        self.activations = ActivationStore(self.workspace.activations_db)
        self.store = CurationStore(self.workspace, clock())
        self.workspace.thumb("x").parent.mkdir()
        for image_id in self.example.images["image_id"]:
            self.workspace.thumb(image_id).write_bytes(b"RIFF-" + image_id.encode())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_program_s_words_scores_and_evidence_go_along(world: World) -> None:
    world.store.score(3, "Ann", 0.9, 10)
    lines = {line["feature_id"]: line for line in collect(world.workspace, world.store, world.activations).lines}
    assert set(lines) == {3, 5, 7}
    assert lines[3]["machine_text"] == "Left pleural effusion." and lines[3]["evidence_image_ids"] == ["x0", "x3"]
    assert lines[3]["human_score"] == 0.9 and lines[3]["scores"][0]["n"] == 10 and lines[3]["z"] == 4.0
    assert lines[3]["frequency"] == pytest.approx(world.example.features["frequency"][3])
    chosen = collect(world.workspace, world.store, world.activations, features=[5, 1])
    assert [line["feature_id"] for line in chosen.lines] == [5, 1]


def test_explanations_for_neuronpedia(world: World) -> None:
    world.store.edit(3, "Blunted left angle", "Ann", 0, accept=True)
    world.store.reject(5, "Ann", 0)
    found = json.loads(FORMATS["neuronpedia"].write(collect(world.workspace, world.store, world.activations)))
    assert {(one["index"], one["description"], one["explanationModelName"]) for one in found} == {
        ("3", "Blunted left angle", "human"), ("7", "Cardiomegaly, 100% of 50_0 reports.", "saerad-contrast"),
    }  # fmt: skip
    assert all(isinstance(one["modelId"], str) and isinstance(one["layer"], str) for one in found)


@pytest.mark.parametrize("count", [0, 4])
def test_a_packet_needs_nothing_from_elsewhere(world: World, count: int) -> None:
    world.store.edit(3, '<script>alert(1)</script> & "quoted"', "<b>Ann</b>", 0)
    world.store.list_([3, 5], "meeting", "Ann")
    lists = world.store.snapshot().lists()
    found = collect(world.workspace, world.store, world.activations, lists["meeting"], count)
    page = FORMATS["html"].write(found).decode()
    assert "<script" not in page and "<b>Ann" not in page and "&lt;script&gt;" in page
    assert page.count('<img alt="X-ray') == 2 * count
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page) and "url(" not in page and "default-src 'none'" in page
    assert "#3" in page and "#5" in page and "#7" not in page and "The program says: Left pleural effusion." in page
    train = set(world.example.images.loc[world.example.train, "image_id"])
    assert all(name in train for name in re.findall(r'alt="X-ray (\w+)"', page))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("out.txt", b"x", "can be imported"),
        ("out.csv", b"\xff\xfe\x00", "UTF-8"),
        ("out.csv", b"feature_id,text\nx,y\n", "feature_id"),
        ("out.csv", b"feature_id,text\n99,y\n", "isn't here"),
        ("out.csv", b"feature_id,text\n1,y\n1,z\n", "twice"),
        ("out.csv", b"feature_id,text,status\n1,y,adored\n", "status"),
        ("out.csv", b"feature_id,text,side\n1,y,up\n", "side"),
        ("out.csv", b"feature_id,text,history\n1,y,{}\n", "history"),
        ("out.csv", b"feature_id,text,history\n1,y,[3]\n", "can't be read"),
        ("out.parquet", b"PAR1 rubbish", "Parquet"),
        ("out.jsonl", b"{}\n", "isn't an export"),
        ("out.jsonl", b'{"format":"saerad-curation","version":9}\n', "update the program"),
    ],
)
def test_what_is_no_export_is_refused_in_a_sentence(pair, tmp_path: Path, name: str, data: bytes, words: str) -> None:
    _, store, _, _ = pair
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SaeRadError, match=words):
        plan(read(path), store, FEATURES)
    assert store.revision == 0


def test_a_history_that_was_tampered_with_is_refused(pair, tmp_path: Path) -> None:
    here, store, _, other = pair
    store.edit(1, "One", "Ann", 0)
    store.edit(1, "Two", "Ann", 1)
    good = [json.loads(line) for line in written(store, here, "jsonl").splitlines()]
    for change in (
        lambda line: line["history"].pop(0),
        lambda line: line["history"][0].update(kind="adored"),
        lambda line: line["history"][0]["data"].update(text="two\nlines"),
        lambda line: line["history"][0].update(author=""),
        lambda line: line["history"][0].update(at="yesterday"),
        lambda line: line["history"][0].update(feature_id=2),
        lambda line: line["history"][0].update(number="1"),
        lambda line: line["history"][0].pop("verified"),
        lambda line: line["history"][0].update(more=1),
    ):
        lines = json.loads(json.dumps(good))
        change(lines[1])
        path = tmp_path / "bad.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        with pytest.raises(SaeRadError):
            plan(read(path), other, FEATURES)
    assert other.revision == 0


def test_another_sae_s_words_are_not_taken(pair, tmp_path: Path) -> None:
    here, store, there, other = pair
    for workspace, weights in ((here, b"1"), (there, b"2")):
        workspace.sae_dir.mkdir()
        (workspace.sae_dir / "sae_weights.safetensors").write_bytes(weights)
    store, other = CurationStore(here), CurationStore(there)
    store.edit(1, "One", "Ann", 0)
    with pytest.raises(SaeRadError, match="another SAE"):
        taken_in(tmp_path, "jsonl", written(store, here, "jsonl"), other)


def test_an_edit_between_plan_and_import_is_not_written_over(pair, tmp_path: Path) -> None:
    here, store, there, other = pair
    store.edit(1, "One", "Ann", 0)
    found = plan(read(file_of(tmp_path, "jsonl", written(store, here, "jsonl"))), other, FEATURES)
    other.edit(1, "Quicker", "Bob", 0)
    with pytest.raises(SaeRadError, match="in the meantime"):
        carry_out(found, other, "x")
    assert len(journalled(there)) == 1 and other.state(1).text == "Quicker"
    assert other.history(WORKSPACE) == []
