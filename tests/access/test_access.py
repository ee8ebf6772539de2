"""Who may do what: roles ascend, rules can't be misread, a sign-in ends, and the store asks before it writes."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saerad_core.access import (
    ACTS,
    LOCAL,
    ROLES,
    AccessRefused,
    Rules,
    SignedOut,
    act_of,
    allows,
    person_of,
    read_rules,
    refusal,
)
from saerad_core.errors import SaeRadError
from saerad_core.store.curation import Author, CurationStore
from saerad_core.store.curation.events import Kind
from tests.store.curation.tools import clock, make

NOW = 1_800_000_000.0
RULES = Rules(
    people={"ada@example.org": "admin", "out@ward.example.org": "none"},
    domains={"@ward.example.org": "curator", "@example.org": "reader"},
)
CLAIMS = {
    "iss": "https://login.example.org", "sub": "17", "iat": NOW - 60, "email": "Ada@Example.org", "email_verified": True,
}  # fmt: skip


# -- roles


def test_a_role_allows_what_the_ones_before_it_allow():
    for act in ACTS:
        allowed = [allows(role, act) for role in ROLES]
        assert allowed == sorted(allowed) and not allowed[0] and allowed[-1]


def test_what_each_role_may_do():
    assert {role: [act for act in ACTS if allows(role, act)] for role in ROLES} == {
        "none": [],
        "reader": ["browse", "mark"],
        "curator": ["browse", "mark", "curate", "export"],
        "adjudicator": ["browse", "mark", "curate", "export", "adjudicate"],
        "admin": ["browse", "mark", "curate", "export", "adjudicate", "manage"],
    }


def test_every_kind_of_event_is_an_act_and_none_is_a_reader_s():
    acts = {kind: act_of(kind) for kind in (*get_args(Kind), "imported")}
    assert not any(allows("reader", act) for act in acts.values())
    assert {kind for kind, act in acts.items() if not allows("curator", act)} == {"adjudicated", "released", "imported"}
    assert {kind for kind, act in acts.items() if not allows("adjudicator", act)} == {"released", "imported"}


def test_a_refusal_is_one_sentence_that_names_the_role_it_takes():
    for role in ROLES:
        for act in ACTS:
            if not allows(role, act):
                says = refusal(role, act)
                assert says.endswith(".") and says.count(".") == 1 and ACTS[act].role in says


# -- roles.toml


def written(folder: Path, text: str) -> Path:
    path = folder / "roles.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_person_goes_before_their_domain_and_a_domain_before_the_default(tmp_path: Path):
    text = """
default = "reader"
session_hours = 8

[roles]
admin = ["Ada@Example.org"]
curator = ["@example.org", "guest@elsewhere.org"]
none = ["left@example.org"]
"""
    rules = read_rules(written(tmp_path, text))
    assert [rules.role_of(one) for one in (
        "ada@example.org", "ADA@EXAMPLE.ORG", "ben@example.org", "left@example.org", "guest@elsewhere.org", "who@elsewhere.org",
        "ben@sub.example.org", "ada@example.org@evil.org",
    )] == ["admin", "admin", "curator", "none", "curator", "reader", "reader", "reader"]  # fmt: skip
    assert (rules.session_hours, rules.accept_unverified_email) == (8.0, False)


def test_nobody_has_a_role_unless_the_file_says_so(tmp_path: Path):
    assert read_rules(written(tmp_path, "")).role_of("ada@example.org") == "none"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('default = "admin"', "named in person"),
        ('default = "adjudicator"', "named in person"),
        ('defualt = "reader"', "defualt"),
        ("[roles]\nadmin = ['@example.org']", "name admins in person"),
        ("[roles]\nboss = []", "no role 'boss'"),
        ("[roles]\nreader = 'ada@example.org'", "list of addresses"),
        ("[roles]\nreader = ['ada']", "neither an address"),
        ("[roles]\nreader = ['*@example.org ']\ncurator = ['@*']", "neither an address"),
        ("[roles]\nreader = ['a@b.org']\nadmin = ['A@b.org']", "twice"),
        ("session_hours = 0", "session_hours"),
        ("session_hours = true", "session_hours"),
        ("session_hours = nan", "session_hours"),
        ("session_hours = 721", "session_hours"),
        ('accept_unverified_email = "yes"', "true or false"),
        ("roles = 3", "[roles]"),
        ("[roles", "can't be read"),
    ],
)
def test_what_can_t_be_meant_is_refused(tmp_path: Path, text: str, says: str):
    with pytest.raises(SaeRadError, match=r"(?s).*") as error:
        read_rules(written(tmp_path, text))
    assert says in str(error.value)


def test_a_missing_file_is_no_open_door(tmp_path: Path):
    with pytest.raises(SaeRadError, match="who may do what"):
        read_rules(tmp_path / "roles.toml")


# -- people


def test_who_signed_in_is_their_address_in_lower_case_with_how_that_is_known():
    who = person_of(CLAIMS, RULES, NOW)
    assert (who.name, who.verified, who.role) == ("ada@example.org", True, "admin")
    assert who.means == "oidc https://login.example.org 17"
    assert who.until == NOW - 60 + 12 * 3600


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"iat": NOW - 12 * 3600}, "run out"),
        ({"iat": NOW + 3600}, "run out"),
        ({"iat": None}, "when you signed in"),
        ({"iat": True}, "when you signed in"),
        ({"iat": math.nan}, "when you signed in"),
        ({"email": None}, "no e-mail"),
        ({"email": "ada"}, "no e-mail"),
        ({"email": "ada@example.org\n"}, ""),
        ({"email": "a" * 80 + "@example.org"}, "no e-mail"),
        ({"email": "a da@example.org"}, "no e-mail"),
        ({"email_verified": False}, "verified"),
        ({"email_verified": None}, "verified"),
        ({"email_verified": "true"}, "verified"),
        ({"email_verified": 1}, "verified"),
    ],
)
def test_what_a_token_has_to_say(changed: dict, says: str):
    if not says:
        assert person_of(CLAIMS | changed, RULES, NOW).name == "ada@example.org"
        return
    with pytest.raises(SignedOut, match=says):
        person_of(CLAIMS | changed, RULES, NOW)


def test_without_claims_nobody_is_signed_in():
    with pytest.raises(SignedOut, match="not signed in"):
        person_of(None, RULES, NOW)


def test_silence_on_the_address_counts_only_where_that_was_allowed():
    silent = {key: value for key, value in CLAIMS.items() if key != "email_verified"}
    trusting = replace(RULES, accept_unverified_email=True)
    assert person_of(silent, trusting, NOW).role == "admin"
    with pytest.raises(SignedOut):
        person_of(silent | {"email_verified": False}, trusting, NOW)


_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)


# The first draw may be slow on a busy machine.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*CLAIMS, "is_logged_in"]), _VALUES, max_size=4))
def test_odd_claims_are_refused_or_give_a_known_role(claims: dict):
    try:
        who = person_of(CLAIMS | claims, RULES, NOW)
    except SignedOut:
        return
    assert who.role in ROLES and who.until > NOW and (who.role != "admin" or who.name == "ada@example.org")


# -- the store asks


def test_the_store_writes_what_the_asked_one_says_and_nothing_that_is_refused(tmp_path: Path):
    workspace = make(tmp_path / "ws")
    asked: list[tuple[str, frozenset[str]]] = []
    role = "curator"

    def admit(author: Author, kinds: frozenset[str]) -> Author:
        asked.append((author.name, kinds))
        for kind in kinds:
            if not allows(role, act_of(kind)):
                raise AccessRefused(refusal(role, act_of(kind)))
        return Author("ada@example.org", True)

    store = CurationStore(workspace, clock(), admit)
    event = store.edit(3, "Effusion", "somebody else", 0, accept=True)
    assert (event.author, event.verified) == ("ada@example.org", True)
    assert asked == [("somebody else", frozenset({"edited", "accepted"}))]
    for refused in (
        lambda: store.adjudicate(3, "Mass", "x", event.number),
        lambda: store.release("one", "x"),
        lambda: store.take_over([]),
    ):
        with pytest.raises(AccessRefused):
            refused()
    role = "adjudicator"
    decided = store.adjudicate(3, "Mass", "x", event.number)
    role = "curator"
    # Taking back what one may not do is refused, and so is taking back its undoing, which does it again.
    with pytest.raises(AccessRefused):
        store.undo("x", seqs=[decided.seq])
    role = "adjudicator"
    undone = store.undo("x", seqs=[decided.seq]).events[0]
    role = "curator"
    with pytest.raises(AccessRefused):
        store.undo("x", seqs=[undone.seq])
    role = "reader"
    with pytest.raises(AccessRefused):
        store.note(3, "hm", "x")
    assert [one.kind for one in store.events()] == ["edited", "accepted", "adjudicated", "undone"]
    store.close()


def test_whoever_sits_at_a_machine_without_a_login_may_do_everything_and_is_not_verified():
    assert LOCAL.role == "admin" and not LOCAL.verified and LOCAL.means == ""
