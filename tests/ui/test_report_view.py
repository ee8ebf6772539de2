from types import SimpleNamespace

from saerad_core.reports.check import check
from saerad_core.reports.report import Evidence, ReportSentence
from saerad_core.ui import report_view
from saerad_core.ui.report_export import file_stem
from saerad_core.vocabulary import Statement


def shown(text, monkeypatch):
    statements = (Statement("pleural_effusion", "left"),)
    evidence = (Evidence(1, 2.0, ("a",), 1.0),)
    sentence = ReportSentence(text, statements, 0.9, evidence, tuple(check(text, statements)))
    monkeypatch.setattr(report_view.st, "query_params", {})
    here = SimpleNamespace(links=SimpleNamespace(page=lambda name, **query: f"/{name}"))
    return report_view._sentence(here, "f0", sentence, "")


def test_a_flagged_sentence_is_struck_through_with_its_reason(monkeypatch):
    found = shown("Left pleural effusion with <b>tuberculosis</b>.", monkeypatch)
    assert (
        "<s>Left pleural effusion with &lt;b&gt;tuberculosis&lt;/b&gt;.</s>" in found
        and "tuberculosis." in found.split("</s>")[1]
    )


def test_a_supported_sentence_is_not(monkeypatch):
    assert "<s>" not in shown("Left pleural effusion.", monkeypatch)


def test_file_names_hold_no_more_than_letters_and_dots():
    assert file_stem("../../x <y>.PNG") == "x-y" and file_stem("...") == "xray" and file_stem("chest.png") == "chest"
    assert len(file_stem("a" * 500)) == 80
