from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.descriptions.calibration import best_thresholds, calibrate, platt
from saerad_core.descriptions.evidence import EvidenceTables
from saerad_core.descriptions.fit_evidence import FitSettings, fit_evidence
from saerad_core.descriptions.reported import looser, read_reports
from saerad_core.errors import WorkspaceError
from saerad_core.vocabulary import Fact
from tests.descriptions.planted import FACTS, facts_of, plant


def fit(train, validate, **settings):
    both = read_reports(train.texts + validate.texts, facts_of)
    rows = np.arange(len(both.severity))
    return fit_evidence(
        train.active,
        train.active,
        train.images,
        both.rows(rows < len(train.texts)),
        validate_codes=validate.active,
        validate_reported=both.rows(rows >= len(train.texts)),
        settings=FitSettings(**settings),
    )


@pytest.fixture(scope="module")
def train():
    return plant()


@pytest.fixture(scope="module")
def tables(train):
    return fit(train, plant(60, seed=1))


@pytest.fixture(scope="module")
def unseen():
    return plant(250, seed=2)


def _code(split, row):
    span = split.active[row]
    return list(zip(span.indices.tolist(), span.data.tolist(), strict=True))


CODES = st.dictionaries(st.integers(0, 59), st.floats(0.1, 12.0), max_size=25).map(lambda code: sorted(code.items()))


def _predicted(tables, split):
    return np.stack([tables.probabilities(_code(split, row)) for row in range(split.active.shape[0])])


def _true(tables, split):
    return np.array([[any(f == g or f in looser(g) for g in has) for f in tables.facts] for has in split.truth])


def test_tells_planted_facts_on_unseen_patients(tables, unseen):
    p, truth = _predicted(tables, unseen), _true(tables, unseen)
    for fact in FACTS:
        row = tables.index(fact)
        order = np.argsort(p[:, row])
        ranks = np.empty(len(order))
        ranks[order] = np.arange(1, len(order) + 1)
        n1 = truth[:, row].sum()
        area = (ranks[truth[:, row]].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(order) - n1))
        assert area > 0.85, f"{fact}: {area:.2f}"


def test_probabilities_mean_what_they_say(tables, unseen):
    p, truth = _predicted(tables, unseen), _true(tables, unseen)
    assert abs(p.mean() - truth.mean()) < 0.02
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.0)):
        here = (p > low) & (p <= high)
        assert here.sum() > 20
        # How strongly a planted feature fires says nothing, which a linear score can't know: the middle is a little off.
        assert abs(p[here].mean() - truth[here].mean()) < 0.12, (low, high, p[here].mean(), truth[here].mean())


@settings(max_examples=40, deadline=None)
@given(code=CODES, barred=st.sets(st.integers(0, 59), max_size=4))
def test_contributions_add_up_to_the_logit(tables, code, barred):
    code = [(feature, value) for feature, value in code if feature not in barred]
    fired = tables.fired(code, barred)
    logits = tables.logits(fired)
    for row, fact in enumerate(tables.facts):
        added = [c.logit for c in tables.support(fact, fired)]
        taken = [c.logit for c in tables.opposition(fact, fired, 60)]
        # Silence of a feature that speaks against a fact is no support that a reader is shown, but it counts.
        silent = [f for f in range(60) if f not in barred and tables.weights[row, f] < 0]
        values = dict(code)
        quiet = [
            float(tables.weights[row, f]) * (values.get(f, 0.0) - float(tables.centre[f])) / float(tables.scale[f])
            for f in silent
            if values.get(f, 0.0) < tables.centre[f]
        ]
        total = tables.intercepts[row] + sum(added) + sum(taken) + sum(quiet)
        assert total == pytest.approx(logits[row], abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(code=CODES)
def test_no_fact_is_likelier_than_a_looser_one(tables, code):
    p = dict(zip(tables.facts, tables.probabilities(code), strict=True))
    for fact, value in p.items():
        for wider in looser(fact):
            assert wider not in p or p[wider] >= value


def test_a_feature_as_usual_and_a_barred_one_change_nothing(tables):
    usual = [(f, float(a)) for f, a in enumerate(tables.centre)]
    np.testing.assert_allclose(tables.logits(usual), tables.intercepts, atol=1e-4)
    np.testing.assert_allclose(tables.logits(tables.fired([], set(range(60)))), tables.intercepts, atol=1e-6)


def test_a_feature_stronger_than_on_any_training_xray_counts_as_the_strongest(tables):
    beyond, strongest = [(1, 1e4)], [(1, float(tables.most[1]))]
    np.testing.assert_array_equal(tables.logits(beyond), tables.logits(strongest))


def test_the_planted_feature_is_the_strongest_support(tables):
    code = [(feature, 3.0) for feature in range(60)]
    for feature, fact in ((0, FACTS[0]), (1, FACTS[1]), (2, FACTS[2]), (7, FACTS[6])):
        assert next(tables.support(fact, code)).feature_id == feature


def test_opposition_names_silent_features_but_no_barred_ones(tables):
    silent = tables.opposition(Fact("cardiomegaly"), [], 3)
    assert silent[0].feature_id == 0 and silent[0].activation == 0 and silent[0].logit < 0
    barred = tables.opposition(Fact("cardiomegaly"), tables.fired([], {0}), 3)
    assert 0 not in {c.feature_id for c in barred} and barred


def test_examples_fire_and_state_the_fact_one_a_patient(tables, train):
    where = {image: row for row, image in enumerate(train.images["image_id"])}
    for fact in FACTS:
        column = train.reported.column(fact)
        for feature in range(8):
            rows = [where[image] for image in tables.examples.find(feature, tables.index(fact), 6)]
            assert len({train.images["patient_id"][row] for row in rows}) == len(rows) <= 6
            assert all(train.active[row, feature] > 0 and train.reported.stated[row, column] for row in rows)
    denying = tables.examples.find(1, tables.index(Fact("cardiomegaly")), 6, denies=True)
    assert denying and all("no cardiomegaly." in train.texts[where[image]] for image in denying)


def test_saves_and_loads(tables, tmp_path):
    path = tmp_path / "evidence.safetensors"
    tables.save(path)
    again = EvidenceTables.load(path)
    features = [(0, 1.0), (3, 2.0), (17, 0.5)]
    assert again.facts == tables.facts and again.severity == tables.severity and again.fitted == tables.fitted
    np.testing.assert_array_equal(again.probabilities(features), tables.probabilities(features))
    np.testing.assert_array_equal(again.thresholds, tables.thresholds)
    assert again.examples.find(1, 2, 6) == tables.examples.find(1, 2, 6)
    assert again.examples.find(1, 2, 6, denies=True) == tables.examples.find(1, 2, 6, denies=True)


def test_damaged_and_foreign_files_are_refused(tables, tmp_path):
    path = tmp_path / "evidence.safetensors"
    with pytest.raises(WorkspaceError):
        EvidenceTables.load(path)
    path.write_bytes(b"not tensors")
    with pytest.raises(WorkspaceError):
        EvidenceTables.load(path)
    from safetensors.numpy import save_file

    save_file({"weights": np.zeros(3, np.float32)}, path)
    with pytest.raises(WorkspaceError):
        EvidenceTables.load(path)


def test_rare_facts_are_left_to_looser_ones(train):
    texts = [*train.texts]
    texts[0] += " right rib_fracture."
    tables = fit(replace(train, texts=texts), plant(60, seed=1))
    assert not any(fact.finding == "rib_fracture" for fact in tables.facts)
    rarer = fit(train, plant(60, seed=1), fewest=70)
    assert Fact("consolidation") in rarer.facts
    assert all(rarer.patients >= 70) and len(rarer.facts) < len(fit(train, plant(60, seed=1)).facts)


def test_reports_without_findings_give_empty_tables(train, tmp_path):
    nothing = replace(train, texts=[""] * len(train.texts))
    validate = plant(20, seed=1)
    tables = fit(nothing, replace(validate, texts=[""] * len(validate.texts)))
    assert tables.facts == () and tables.logits([(1, 1.0), (2, 1.0)]).shape == (0,)
    tables.save(tmp_path / "e.safetensors")
    assert EvidenceTables.load(tmp_path / "e.safetensors").facts == ()


def test_no_validation_patients_is_no_obstacle(train):
    empty = plant(1, seed=1)
    none = replace(empty, active=empty.active[:0], texts=[])
    assert fit(train, none).facts


def test_severity_follows_a_feature_that_grades(train):
    texts = []
    grade = []
    for text in train.texts:
        for word in ("mild", "moderate", "severe"):
            if f"{word} cardiomegaly" in text:
                grade.append(word)
                break
        else:
            grade.append("")
        texts.append(text)
    codes = train.active.toarray()
    codes[:, 20] = [word == "mild" for word in grade]
    codes[:, 21] = [word == "severe" for word in grade]
    tables = fit(replace(train, active=type(train.active)(codes)), plant(60, seed=1))
    assert tables.severity_of("cardiomegaly", [0, 20]) == "mild"
    assert tables.severity_of("cardiomegaly", [0, 21]) == "severe"
    assert tables.severity_of("pneumothorax", [7]) == ""


def test_severity_is_not_said_where_no_feature_tells_it(tables):
    assert "cardiomegaly" not in tables.severity


def test_platt_undoes_overconfidence():
    rng = np.random.default_rng(0)
    true = rng.normal(-1, 1.5, (4000, 3))
    y = (rng.random(true.shape) < 1 / (1 + np.exp(-true))).astype(float)
    slope, shift = platt(true * 3 + 1, y, np.ones_like(y), shrink=20)
    assert slope == pytest.approx(1 / 3, abs=0.05)
    assert shift == pytest.approx(-1 / 3, abs=0.12)


def test_a_rare_facts_threshold_stays_near_the_common_one():
    rng = np.random.default_rng(0)
    logit = rng.normal(-2, 2, (3000, 2))
    p = 1 / (1 + np.exp(-logit))
    y = (rng.random(p.shape) < p).astype(float)
    known = np.ones_like(y)
    known[60:, 1] = 0
    y[:60, 1] = 0
    y[5, 1] = 1
    cuts = best_thresholds(p, y, known, np.zeros(2), shrink=20)
    alone = best_thresholds(p[:, :1], y[:, :1], known[:, :1], np.zeros(1), shrink=20)[0]
    assert abs(cuts[1] - alone) < 0.12
    assert 0.2 < alone < 0.5


def test_an_unpredictable_fact_gets_its_prior():
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3, (2000, 1))
    y = (rng.random((2000, 1)) < 0.1).astype(float)
    found = calibrate(scores, y, np.ones_like(y), np.zeros(1), shrink=20)
    assert np.abs(found.probabilities(scores) - 0.1).max() < 0.08
