import numpy as np

from saerad_core.descriptions.realise import phrase
from saerad_core.reports.conflicts import ConflictSettings, divided, settle
from saerad_core.reports.decide import Candidate, DecideSettings, absent, present
from saerad_core.vocabulary import Fact, Statement
from tests.reports.written import tables


class Together:
    """Tables in which two facts occur together as often as one says."""

    def __init__(self, facts, rows):
        import numpy as np
        from scipy import sparse

        matrix = np.zeros((max(max(r) for r in rows) + 1, len(facts)), np.float32)
        for column, some in enumerate(rows):
            matrix[list(some), column] = 1
        self.facts = tuple(facts)
        self.examples = type("E", (), {"stated": sparse.csc_matrix(matrix)})

    def index(self, fact):
        return self.facts.index(fact)


RIGHT, LEFT = Fact("pneumothorax", "right"), Fact("pneumothorax", "left")


def candidate(fact, p):
    return Candidate(Statement(*fact), p)


def test_two_sides_that_are_rare_together_leave_the_likelier_and_say_so():
    apart = Together([RIGHT, LEFT], [range(20), range(20, 40)])
    kept, warnings = settle([candidate(RIGHT, 0.6), candidate(LEFT, 0.4)], apart, phrase, ConflictSettings())
    assert [c.statement.side for c in kept] == ["right"]
    assert len(warnings) == 1 and "right pneumothorax (60%)" in warnings[0] and "left pneumothorax (40%)" in warnings[0]


def test_two_sides_that_are_both_sure_or_often_together_stay():
    apart = Together([RIGHT, LEFT], [range(20), range(20, 40)])
    often = Together([RIGHT, LEFT], [range(20), range(5, 25)])
    few = Together([RIGHT, LEFT], [range(5), range(5, 10)])
    both = [candidate(RIGHT, 0.6), candidate(LEFT, 0.4)]
    sure = [candidate(RIGHT, 0.95), candidate(LEFT, 0.85)]
    for pair, together in ((sure, apart), (both, often), (both, few)):
        kept, warnings = settle(pair, together, phrase, ConflictSettings())
        assert kept == pair and not warnings


def test_one_shadow_has_one_name():
    one, many = Fact("nodule", "right", "upper zone"), Fact("multiple_nodules")
    kept, warnings = settle(
        [candidate(many, 0.5), candidate(one, 0.3)],
        Together([one, many], [range(20), range(20, 40)]),
        phrase,
        ConflictSettings(),
    )
    assert [c.statement.finding for c in kept] == ["multiple_nodules"] and warnings


def test_consolidation_and_collapse_conflict_in_the_same_part_only():
    collapse = Fact("lobar_collapse", "right", "lower lobe")
    for place, n in (("lower zone", 1), ("upper zone", 2)):
        shadow = Fact("consolidation", "right", place)
        kept, warnings = settle(
            [candidate(collapse, 0.6), candidate(shadow, 0.4)],
            Together([collapse, shadow], [range(20), range(20, 40)]),
            phrase,
            ConflictSettings(),
        )
        assert len(kept) == n and len(warnings) == 2 - n


def test_camps_are_named_only_where_both_are_strong_and_the_outcome_is_open():
    t = tables()
    row = t.weights[t.index(Fact("cardiomegaly"))]
    for_, against = int(row.argmax()), int(row.argmin())
    easy = ConflictSettings(logit=0.1)
    active = [(for_, 1.0), (against, 1.0)]
    found = divided(candidate(Fact("cardiomegaly"), 0.5), t.fired(active), t, easy)
    assert found is not None and found[0] == [for_] and found[1] == [against]
    assert divided(candidate(Fact("cardiomegaly"), 0.9), t.fired(active), t, easy) is None
    assert divided(candidate(Fact("cardiomegaly"), 0.5), t.fired([(for_, 1.0)]), t, easy) is None


def test_the_most_specific_facts_are_stated_and_no_place_without_its_side():
    t = tables()
    p = t.probabilities([(4, 3.0)])
    said = {c.statement.fact for c in present(p, t, DecideSettings()) if c.statement.finding == "consolidation"}
    assert said == {Fact("consolidation", "right", "upper zone")}


def test_nothing_improbable_is_stated_whatever_its_threshold():
    from dataclasses import replace

    t = replace(tables(), thresholds=tables().thresholds * 0)
    assert all(c.probability >= 0.25 for c in present(t.probabilities([]), t, DecideSettings()))


def test_what_is_only_common_is_not_stated():
    from dataclasses import replace

    t = tables()
    row = t.index(Fact("cardiomegaly"))
    p = t.probabilities([])
    p[row] = 0.6
    said = {c.statement.finding for c in present(p, t, DecideSettings())}
    common = replace(t, priors=np.where(np.arange(len(p)) == row, 0.55, t.priors))
    assert "cardiomegaly" in said
    assert "cardiomegaly" not in {c.statement.finding for c in present(p, common, DecideSettings())}


def test_a_rare_finding_is_not_called_absent_because_it_is_rare():
    from dataclasses import replace

    t = tables()
    p = t.probabilities([])
    assert absent(p, t, set(), DecideSettings())
    rare = replace(t, priors=p.astype("float32"))
    assert not absent(p, rare, set(), DecideSettings())
