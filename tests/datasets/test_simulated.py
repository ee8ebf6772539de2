"""Simulated X-rays: the same ones in every process, with a truth that labels and reports agree on."""

from __future__ import annotations

import numpy as np
import pytest

from saerad_core.datasets import open_dataset
from saerad_core.datasets.simulated import SimulatedDataset
from saerad_core.errors import DatasetError
from saerad_core.vocabulary import CONCEPTS, TERMS
from saerad_core.workspace import DatasetInfo

INFO = DatasetInfo(kind="simulated", simulated=True, options={"seed": 3, "patients": 60})


@pytest.fixture(scope="module")
def dataset() -> SimulatedDataset:
    opened = open_dataset(INFO)
    assert isinstance(opened, SimulatedDataset)
    return opened


def test_records_are_the_same_every_time(dataset) -> None:
    records = list(dataset.records())
    assert records == list(open_dataset(INFO).records())
    assert (
        len(records)
        == len(dataset)
        == len({record.image_id for record in records})
        == dataset.funnel["simulated X-rays"]
    )
    assert dataset.funnel["simulated patients"] == len({record.patient_id for record in records}) == 60


def test_more_patients_change_nothing_of_the_first(dataset) -> None:
    more = open_dataset(INFO.model_copy(update={"options": {"seed": 3, "patients": 90}}))
    assert list(more.records())[: len(dataset)] == list(dataset.records())


def test_truth_and_labels_agree(dataset) -> None:
    for record in dataset.records():
        assert record.facts is not None and all(fact.present for fact in record.facts)
        assert set(record.labels) <= set(CONCEPTS) and bool(record.labels) == bool(record.facts)
        assert all(fact.severity in (*TERMS[fact.finding].severities, "") for fact in record.facts)
        assert record.findings and record.view in ("PA", "AP") and record.age is not None and record.age <= 90


def test_a_patient_is_in_one_split(dataset) -> None:
    splits: dict[str, set[str]] = {}
    for record in dataset.records():
        splits.setdefault(record.patient_id, set()).add(record.split)
    assert all(len(some) == 1 for some in splits.values())


def test_pixels_and_pictures(dataset) -> None:
    record = next(dataset.records())
    pixels, again = dataset.pixels(record), open_dataset(INFO).pixels(record)
    assert pixels.shape == (256, 256) and pixels.dtype == np.float32
    assert np.array_equal(pixels, again)
    assert dataset.picture(record.image_id, size=512).shape == (512, 512)


@pytest.mark.parametrize(
    "image_id", ["", "S03", "S03-000060-1", "S04-000001-1", "S03-000001-9", "S03-00²-1", "../S03-000001-1", "S03-1-1"]
)
def test_unknown_names_are_one_sentence(dataset, image_id) -> None:
    with pytest.raises(DatasetError, match="no X-ray"):
        dataset.study(image_id)


def test_missing_options_are_one_sentence() -> None:
    with pytest.raises(DatasetError, match="seed"):
        open_dataset(DatasetInfo(kind="simulated"))
    with pytest.raises(DatasetError, match="images"):
        open_dataset(DatasetInfo(kind="folder"))
