"""Links keep the workspace and leave out what isn't set."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from saerad_core.ui.links import Links
from saerad_core.ui.registry import PAGES


def test_every_link_keeps_the_workspace():
    links = Links("nih", "v")
    for entry in PAGES:
        parts = urlsplit(links.page(entry.name))
        assert parse_qs(parts.query)["ws"] == ["nih"]
        assert parts.path == ("/" if entry is PAGES[0] else f"/{entry.name}")


def test_empty_values_are_left_out_and_odd_ones_are_quoted():
    query = parse_qs(urlsplit(Links("nih").page("report", image="a b&c=d#e", sentence=None, drawn="")).query)
    assert query == {"ws": ["nih"], "image": ["a b&c=d#e"]}


def test_pictures_carry_the_version_and_quote_names():
    assert Links("nih", "7f").thumb("a b.png") == "/xray/nih/thumb/a%20b.png?v=7f"
    assert Links("nih", "7f").heat(3, "a#b") == "/xray/nih/heat/3/a%23b.png?v=7f"


def test_every_page_of_the_menu_has_its_file():
    for entry in PAGES:
        assert entry.file.is_file()
    assert len(list(PAGES[0].file.parent.glob("*.py"))) == len(PAGES)
