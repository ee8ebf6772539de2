"""Hostile texts: nothing unsupported is supported, nothing reaches a file as more than text."""

import io
import json
import re
import zipfile

import pytest

from saerad_core import NOTICE
from saerad_core.descriptions.comparison import strip_comparisons
from saerad_core.descriptions.observations import observe
from saerad_core.descriptions.realise import realise
from saerad_core.descriptions.statements import facts_of
from saerad_core.descriptions.terms import phrases_of
from saerad_core.reports.check import check
from saerad_core.reports.exports import plain
from saerad_core.reports.exports.audit import audit_row
from saerad_core.reports.exports.dicom_sr import as_dicom_sr
from saerad_core.reports.exports.document import clean, make_document
from saerad_core.reports.exports.docx import as_docx
from saerad_core.reports.exports.pdf import as_pdf
from saerad_core.vocabulary import Statement
from tests.reports.exports.test_exports import MODELS, text_of_docx, text_of_pdf, text_of_sr
from tests.reports.hostile import AWAY, HOSTILE
from tests.reports.written import all_sentences, composer, curated

EVIDENCE = (Statement("pleural_effusion", "left", "", "small"), Statement("pneumothorax", present=False))
FOUND = [(1, 3.0), (5, 2.0), (7, 2.0), *((feature, 1.0) for feature in range(20, 37))]
MANY = len(FOUND)
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\u061c\ufeff\x00-\x08\x1b\x7f]")


def test_none_is_supported_as_a_sentence():
    passed = [text[:200] for text in HOSTILE if not check(text, EVIDENCE)]
    assert len(HOSTILE) == 200 and passed == []


def test_any_of_them_is_read_and_states_only_what_the_vocabulary_holds():
    for text in HOSTILE:
        for statement in facts_of(text).values():
            assert realise(statement)
        observe(text)
        strip_comparisons(text)
        assert all(re.fullmatch("[a-z ]+", phrase) for phrase in phrases_of(text[:20_000]))


def test_a_curators_hostile_words_change_no_sentence():
    calm = composer().compose(FOUND)
    for start in range(0, len(HOSTILE), MANY):
        words = {f: curated(text) for (f, _), text in zip(FOUND, HOSTILE[start : start + MANY], strict=False)}
        report = composer().compose(FOUND, words)
        said = [(s.text, s.statements, s.probability, s.flags) for s in all_sentences(report)]
        assert said == [(s.text, s.statements, s.probability, ()) for s in all_sentences(calm)]
        # Warnings name the feature, never what is written about it.
        assert not any(text[:30] in warning for text in HOSTILE[start : start + MANY] for warning in report.warnings)


@pytest.fixture(scope="module")
def documents():
    made = []
    for start in range(0, len(HOSTILE), MANY):
        words = {f: curated(text) for (f, _), text in zip(FOUND, HOSTILE[start : start + MANY], strict=False)}
        report = composer().compose(FOUND, words)
        row = audit_row(report, MODELS, composer())
        title = HOSTILE[start]
        made.append(make_document(report, title=title, notes=(NOTICE,), made_by={"program": "SAE-Rad"}, audit=row))
    return made


def test_files_of_all_of_them_can_be_read_and_do_nothing(documents):
    for one in documents:
        sentences = [s.text for s in (*one.findings, *one.impression)]
        told = json.loads(plain.as_json(one))
        assert told["notice"] == NOTICE and [s["text"] for s in told["findings"]] == [s.text for s in one.findings]
        text = plain.as_text(one).decode()
        assert NOTICE in text and not INVISIBLE.search(text)
        data = as_docx(one)
        read = text_of_docx(data)
        assert all(s in read for s in (NOTICE, *sentences)) and not INVISIBLE.search(read)
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            assert not any(AWAY.encode() in parts.read(name) for name in parts.namelist() if name.endswith(".rels"))
        assert all(s in text_of_sr(as_dicom_sr(one)) for s in (NOTICE, *sentences))


def test_pages_of_all_of_them_can_be_read_and_do_nothing(documents):
    for one in documents:
        data = as_pdf(one)
        assert not re.search(rb"/(?:JavaScript|JS|URI|Launch|EmbeddedFile|OpenAction)\b", data)
        text = text_of_pdf(data)
        assert NOTICE in text and all(s.text in text for s in one.findings)


def test_a_cleaned_text_has_no_mark_that_hides_or_turns():
    for text in HOSTILE:
        line = clean(text)
        assert not INVISIBLE.search(line) and "\n" not in line and len(line) <= 2_000
