import csv
import io
import json
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.errors import SaeRadError, WorkspaceError
from saerad_core.store.activations import ActivationStore
from saerad_core.study import SOURCES, Design, Marked, StudyJournal, draw, latest, statistics
from saerad_core.study.export import WITHHELD, as_csv, as_json
from saerad_core.study.journal import NAME, parse
from tests.evaluation import small


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return small.build(tmp_path_factory.mktemp("study") / "ws")


def mark(
    reader="Ada",
    image="x1",
    source="ours",
    sentence=0,
    said="correct",
    kind="sentence",
    text="No effusion.",
    patient="p1",
) -> Marked:
    return Marked("s", kind, reader, image, patient, source, sentence, text, said)


# -- the design


def test_a_design_draws_one_test_xray_a_patient_and_the_same_for_every_reader(workspace):
    store = ActivationStore(workspace.activations_db)
    design = Design("pair", ("ours", "own"), 12, 3)
    items = draw(store, design)
    assert items == draw(store, design) and len(items) == len({item.patient_id for item in items}) == 12
    images = store.images()
    assert {images["split"].iloc[item.row] for item in items} == {"test"}
    assert all({shown.source for shown in item.reports} == {"ours", "own"} for item in items)
    assert len({item.reports[0].source for item in items}) == 2, "the order is drawn too"
    assert draw(store, replace(design, n=5)) == items[:5]
    assert draw(store, replace(design, seed=4)) != items
    single = draw(store, replace(design, kind="single"))
    assert all(len(item.reports) == 1 for item in single) and {item.reports[0].source for item in single} == {
        "ours",
        "own",
    }


@pytest.mark.parametrize("changed", [{"kind": "triple"}, {"sources": ()}, {"sources": ("ours", "ours")}, {"sources": ("magic",)}, {"kind": "pair", "sources": ("ours",)}, {"n": 0}, {"seed": -1}])  # fmt: skip
def test_a_design_that_cannot_be_meant_is_refused(changed):
    with pytest.raises(SaeRadError):
        replace(Design(), **changed).check(tuple(SOURCES))


def test_every_source_writes_the_reports_of_the_asked_xrays(workspace):
    store = ActivationStore(workspace.activations_db)
    rows = [item.row for item in draw(store, Design(n=4))]
    texts = {key: source.write(workspace, rows) for key, source in SOURCES.items()}
    images = store.images()
    assert texts["own"] == [images["findings"].iloc[row] for row in rows]
    train = set(images.loc[images["split"] == "train", "findings"])
    assert set(texts["nearest"]) <= train and all(texts["ours"])
    every = SOURCES["ours"].write(workspace, list(range(len(images))))
    assert not any("feature" in text for text in every), "no sentence gives its writer away"
    assert any("No abnormality is found." in text for text in every)


# -- the journal


def test_marks_are_kept_in_order_and_the_newest_counts(tmp_path):
    journal = StudyJournal(tmp_path)
    for said in ("correct", "minor"):
        journal.add(mark(said=said))
    journal.add(mark(kind="omitted", sentence=-1, text="a nodule", said="minor"))
    journal.add(mark(kind="omitted", sentence=-1, text="a nodule", said=""))
    journal.add(mark(kind="preferred", sentence=-1, text="", said="A"))
    journal.add(mark(kind="preferred", sentence=-1, text="", said="equal", source="equal"))
    again = StudyJournal(tmp_path).marks("s")
    assert [one.mark for one in again] == ["correct", "minor", "minor", "", "A", "equal"]
    assert [(one.kind, one.mark) for one in latest(again)] == [("sentence", "minor"), ("preferred", "equal")]
    assert StudyJournal(tmp_path).marks("another") == []


@pytest.mark.parametrize("wrong", [{"said": "great"}, {"reader": " "}, {"reader": "x" * 81}, {"text": ""}, {"text": "a\nb"}, {"text": "x" * 2001}, {"kind": "sung"}])  # fmt: skip
def test_what_is_no_mark_is_not_written(tmp_path, wrong):
    with pytest.raises(WorkspaceError):
        StudyJournal(tmp_path).add(mark(**wrong))
    assert not (tmp_path / NAME).exists()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2_000), st.integers(0, 255))
def test_a_tear_loses_the_last_line_alone_and_any_other_change_is_found(tmp_path_factory, at, value):
    folder = tmp_path_factory.mktemp("torn")
    journal = StudyJournal(folder)
    for i in range(4):
        journal.add(mark(image=f"x{i}"))
    data = (folder / NAME).read_bytes()
    at %= len(data)
    cut = data[:at]
    (folder / NAME).write_bytes(cut)
    whole = cut.count(b"\n")
    assert len(journal.marks()) == whole
    journal.add(mark(image="after"))
    assert [one.image_id for one in journal.marks()] == [*(f"x{i}" for i in range(whole)), "after"]
    changed = data[:at] + bytes([value]) + data[at + 1 :]
    if changed != data:
        try:
            assert len(parse(changed)[0]) < 4
        except WorkspaceError as error:
            assert "damaged in line" in str(error)


def _write(folder, reader):
    journal = StudyJournal(folder)
    for i in range(25):
        journal.add(mark(reader=reader, image=f"x{i}"))


def test_two_processes_write_side_by_side(tmp_path):
    workers = [get_context("fork").Process(target=_write, args=(tmp_path, name)) for name in ("Ada", "Ben")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    marks = StudyJournal(tmp_path).marks()
    assert len(marks) == 50
    for name in ("Ada", "Ben"):
        assert [one.image_id for one in marks if one.reader == name] == [f"x{i}" for i in range(25)]


# -- statistics and files


def test_rates_omissions_preferences_and_agreement():
    marks = []
    for i in range(40):
        said = "significant" if i < 10 else "correct"
        for reader in ("Ada", "Ben"):
            # Ben differs from Ada on the last ten.
            other = "minor" if reader == "Ben" and i >= 30 else said
            marks.append(mark(reader, f"x{i}", patient=f"p{i // 2}", said=other))
        marks.append(
            mark(
                "Ada",
                f"x{i}",
                patient=f"p{i // 2}",
                source="own" if i % 4 else "ours",
                kind="preferred",
                sentence=-1,
                text="",
                said="A",
            )
        )
    marks.append(mark("Ada", "x39", patient="p19", kind="omitted", sentence=-1, text="a nodule", said="significant"))
    found = statistics(marks, {(f"x{i}", "ours"): 1 for i in range(40)})
    ours = found["sources"]["ours"]
    assert ours["readers"] == 2 and ours["sentences"] == 80 and ours["patients"] == 20 and ours["reports_read"] == 80
    assert ours["significant"]["value"] == 0.25 and ours["minor"]["value"] == 10 / 80
    assert ours["significant"]["lo"] < 0.25 < ours["significant"]["hi"]
    assert ours["reports_without_significant"]["value"] == pytest.approx((80 - 20 - 1) / 80)
    assert ours["omitted_a_report"]["value"] == pytest.approx(1 / 80)
    assert found["preferences"]["own"]["value"] == 0.75
    (pair,) = found["agreement"]
    # Alike on 30 of 40; by chance .25 * .25 + .75 * .5 + 0.
    assert pair["n"] == 40 and pair["same"] == 0.75
    assert pair["kappa"] == pytest.approx((0.75 - 0.4375) / (1 - 0.4375))


def test_a_report_counts_as_read_when_all_of_it_is_marked():
    found = statistics([mark(), mark(sentence=1, said="minor")], {("x1", "ours"): 3})
    assert (
        found["sources"]["ours"]["reports_read"] == 0
        and found["sources"]["ours"]["reports_without_significant"]["n"] == 0
    )
    assert found["agreement"] == []


def test_files_carry_the_notices_and_no_text_of_an_own_report(workspace):
    design = Design()
    marks = [mark(text="=HYPERLINK()"), mark(source="own", text="A secret sentence."), mark("=Ada", kind="omitted", text="a nodule", said="minor", source="own", sentence=-1)]  # fmt: skip
    told = as_json(workspace.manifest, design, marks, statistics(marks, {})).decode()
    sheet = as_csv(workspace.manifest, design, marks).decode()
    for text in (told, sheet):
        assert "Research use only" in text and "simulated" in text and "secret" not in text and WITHHELD in text
    rows = list(
        csv.DictReader(
            io.StringIO("".join(line for line in sheet.splitlines(keepends=True) if not line.startswith("#")))
        )
    )
    assert [row["text"] for row in rows] == ["'=HYPERLINK()", WITHHELD, "a nodule"] and rows[2]["reader"] == "'=Ada"
    again = json.loads(told)
    assert (
        again["design"]["name"] == design.name
        and len(again["marks"]) == 3
        and not np.isnan(again["statistics"]["sources"]["ours"]["correct"]["value"])
    )
    pseudo = workspace.manifest.model_copy(
        update={"dataset": workspace.manifest.dataset.model_copy(update={"pseudo_reports": True})}
    )
    assert "pseudo-reports" in as_csv(pseudo, design, marks).decode()
