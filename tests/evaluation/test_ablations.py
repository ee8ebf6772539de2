"""Parts of benchmarks.ablations on a planted workspace."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.ablations import SHARES, Earlier, Scorer, indication, reports_read
from benchmarks.common import Results
from saerad_core.evaluation.run import bench_of, drawn, references_of
from saerad_core.evaluation.scored import scored_images
from saerad_core.stages.describe import report_texts
from tests.evaluation import small


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    workspace = small.build(tmp_path_factory.mktemp("ablations") / "ws")
    images, splits, asked = scored_images(workspace, "test")
    truth = [drawn(facts) for facts in images["facts"]]
    bench = bench_of(workspace, images, splits, asked, report_texts(images), truth)
    return bench, images, truth


def scorer(made) -> Scorer:
    bench, images, truth = made
    return Scorer(
        Results(),
        [truth[row] for row in bench.asked],
        references_of(images.iloc[bench.asked]),
        bench.patients[bench.asked],
    )


def values(one: Scorer) -> dict[str, float]:
    return {row.name: row.value for row in one.results.rows}


def test_an_indication_that_tells_is_given_weight_and_one_that_does_not_is_given_none(made):
    bench, images, _ = made
    told = scorer(made)
    indication(told.results, told, bench, list(images["findings"]))
    found = values(told)
    assert found["indication: gain chosen on validation patients"] > 0.5
    assert found["with the indication, less without it: exact fact F1"] > 0
    silent = scorer(made)
    indication(silent.results, silent, bench, ["Cough."] * len(images))
    found = values(silent)
    assert found["indication: gain chosen on validation patients"] == 0
    assert found["with the indication, less without it: exact fact F1"] == 0


def test_more_reports_are_not_worse_and_all_of_them_are_the_workspaces_own(made):
    bench, _, _ = made
    one = scorer(made)
    reports_read(one.results, one, bench, Earlier(None))
    found = values(one)
    n = [found[f"reports of {share:.0%} of the training patients: reports"] for share in SHARES]
    assert n == sorted(n) and n[-1] == len(bench.train)
    f1 = [found[f"reports of {share:.0%} of the training patients: exact fact F1"] for share in SHARES]
    assert f1[-1] > f1[0] and np.argmax(f1) > 0


def test_a_run_goes_on_where_the_last_one_ended(made, tmp_path):
    bench, _, _ = made
    first = Results()
    name = f"reports of {SHARES[0]:.0%} of the training patients"
    first.add(f"{name}: exact fact F1", 0.123, "")
    first.add(f"{name}, less the workspace's own: exact fact F1", -0.5, "")
    # Of this one the run was ended before it was compared.
    first.add(f"reports of {SHARES[1]:.0%} of the training patients: exact fact F1", 0.321, "")
    first.write(tmp_path / "found.json")
    one = scorer(made)
    reports_read(one.results, one, bench, Earlier(tmp_path / "found.json"))
    found = values(one)
    assert found[f"{name}: exact fact F1"] == 0.123
    assert found[f"reports of {SHARES[1]:.0%} of the training patients: exact fact F1"] != 0.321
    assert len(one.results.rows) == len({row.name for row in one.results.rows})
