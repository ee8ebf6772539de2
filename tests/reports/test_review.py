import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.reports.check import Flag
from saerad_core.reports.exports import plain
from saerad_core.reports.exports.audit import audit_row, recreate
from saerad_core.reports.exports.document import make_document, stored
from saerad_core.reports.review import Act, reviewed
from tests.reports.written import composer

FOUND = [(1, 3.0), (5, 2.0), (7, 2.0)]


def report():
    return composer().compose(FOUND)


def text_of(one) -> str:
    return plain.as_text(make_document(one, title="x", notes=("Research.",), made_by={})).decode()


def test_a_rejected_finding_leaves_with_its_line_of_the_impression():
    base = report()
    first = base.findings[0]
    new = reviewed(base, [Act("findings", first.text, "rejected", reason="nothing there")])
    assert new.findings[0].verdict == "rejected" and not new.findings[0].stands
    same = [one for one in new.impression if set(one.statements) <= set(first.statements) and one.statements]
    assert same and all(not one.stands for one in same)
    text = text_of(new)
    assert first.text not in text and "rejected" in text
    assert len(stored(new)["findings"]) == len(base.findings) - 1


def test_a_readers_words_take_the_sentences_place_and_claim_no_evidence():
    base = report()
    new = reviewed(base, [Act("findings", base.findings[0].text, "edited", "Trace of fluid on the right.")])
    text = text_of(new)
    assert (
        "Trace of fluid on the right.  [a reader's words]" in text
        and base.findings[0].text not in text.split("IMPRESSION")[0]
    )
    assert new.text.startswith("Trace of fluid on the right.")
    kept = stored(new)["findings"][0]
    assert kept["verdict"] == "edited" and kept["words"] == "Trace of fluid on the right." and kept["text"] == base.findings[0].text  # fmt: skip


def test_a_flagged_sentence_can_be_edited_and_not_accepted():
    base = report()
    flagged = replace(base.findings[0], flags=(Flag("number", "A number."),))
    base = replace(base, findings=[flagged, *base.findings[1:]])
    assert not reviewed(base, [Act("findings", flagged.text, "accepted")]).findings[0].stands
    assert reviewed(base, [Act("findings", flagged.text, "edited", "Mine.")]).findings[0].stands


def test_the_last_verdict_counts_and_can_be_taken_back():
    base = report()
    text = base.findings[0].text
    acts = [Act("findings", text, "rejected"), Act("findings", text, "accepted")]
    assert reviewed(base, acts).findings[0].verdict == "accepted"
    assert reviewed(base, [*acts, Act("findings", text, "")]).as_json() == base.as_json()


TEXTS = [one.text for one in composer().compose(FOUND).findings]
ACTS = st.lists(
    st.builds(
        Act,
        st.sampled_from(["findings", "impression", "changes", "elsewhere"]),
        st.sampled_from(TEXTS) | st.text(max_size=10),
        st.sampled_from(["accepted", "edited", "rejected", "", "burnt"]),
        st.text(max_size=20),
        st.text(max_size=20),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=40)
@given(ACTS)
def test_the_audit_row_makes_a_reviewed_report_again(acts):
    new = reviewed(report(), acts)
    row = json.loads(json.dumps(audit_row(new, {}, composer())))
    again = recreate(row, {}, composer())
    assert again.as_json() == new.as_json() and again.acts == new.acts
    # Nothing a reader says changes what the program wrote, or what it rests on.
    assert [(s.text, s.evidence) for s in new.findings] == [(s.text, s.evidence) for s in report().findings]
