"""Roles and what each allows. A role allows all that the ones before it allow."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from saerad_core.errors import SaeRadError

Role = Literal["none", "reader", "curator", "adjudicator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Ascending. none: signed in, and may not enter."""


class AccessRefused(SaeRadError):
    """Somebody may not do what they asked for; the message says what and why."""


class Allowed(NamedTuple):
    """One act."""

    role: Role
    """The lowest that may do it."""
    says: str
    """What it is; follows "may"."""


ACTS: dict[str, Allowed] = {
    "browse": Allowed("reader", "look at X-rays, features and reports"),
    "mark": Allowed("reader", "mark reports in a reader study"),
    "curate": Allowed("curator", "write, judge, tag or note descriptions"),
    "export": Allowed("curator", "take descriptions out as files"),
    "adjudicate": Allowed("adjudicator", "settle readings that differ"),
    "manage": Allowed("admin", "import files, name releases, switch or build workspaces"),
}
"""Every act that a role decides on."""
_KINDS = {"adjudicated": "adjudicate", "released": "manage", "imported": "manage"}
"""Kind of curation event -> act, where it isn't `curate`; "imported" stands for taking over other stores' events."""


def act_of(kind: str) -> str:
    """The act that writing a curation event of this kind is."""
    return _KINDS.get(kind, "curate")


def allows(role: Role, act: str) -> bool:
    """Whether a role may do an act of ACTS."""
    return ROLES.index(role) >= ROLES.index(ACTS[act].role)


def refusal(role: Role, act: str) -> str:
    """One sentence: why a role may not do an act."""
    needed = ACTS[act]
    if role == "none":
        return f"You have no role here; ask an admin for the role of {needed.role}, which may {needed.says}."
    article = "an" if role[0] in "aeiou" else "a"
    return f"As {article} {role} you may not {needed.says}; that takes the role of {needed.role}."


def check(role: Role, act: str) -> None:
    """Raise AccessRefused where the role may not do the act."""
    if not allows(role, act):
        raise AccessRefused(refusal(role, act))
