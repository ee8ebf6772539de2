"""roles.toml: who has which role once they have signed in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from saerad_core.access.roles import ROLES, Role
from saerad_core.errors import SaeRadError

ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f]+@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
"""An e-mail address in lower case."""
DOMAIN = re.compile(r"@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_BY_DEFAULT = ("none", "reader", "curator")
_LONGEST_SESSION = 30 * 24
"""Hours; Streamlit's cookie lives no longer."""


@dataclass(frozen=True)
class Rules:
    """What roles.toml says."""

    people: Mapping[str, Role] = field(default_factory=dict)
    """E-mail address -> role; goes before the domain's."""
    domains: Mapping[str, Role] = field(default_factory=dict)
    """Domain with its @ -> role; never admin, who is named in person."""
    default: Role = "none"
    """Of everybody else who signs in: none, reader or curator."""
    session_hours: float = 12.0
    """From signing in to having to do it again, at most 720."""
    accept_unverified_email: bool = False
    """Whether an address counts that the provider doesn't call verified. Some say nothing of it (Microsoft Entra); True is safe only
    where nobody can choose the address that the provider tells."""

    def role_of(self, email: str) -> Role:
        """The role of an e-mail address."""
        email = email.lower()
        return self.people.get(email) or self.domains.get(f"@{email.rpartition('@')[2]}") or self.default


def read_rules(path: Path) -> Rules:
    """The rules in a file.

    Raises:
        SaeRadError: it is missing, or something in it can't be meant.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SaeRadError(
            f"A login is configured, but there is no {path.name} that says who may do what; docs/deploying.md shows one."
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SaeRadError(f"{path.name} can't be read; mend it as docs/deploying.md shows ({error}).") from error
    return _checked(told, path.name)


def _checked(told: dict[str, Any], name: str) -> Rules:
    settings = {one.name for one in fields(Rules)} - {"people", "domains"}
    for key in told:
        if key != "roles" and key not in settings:
            raise SaeRadError(f"{name} holds no {key!r}; it holds [roles] and {', '.join(sorted(settings))}.")
    default = told.get("default", Rules.default)
    if default not in _BY_DEFAULT:
        raise SaeRadError(
            f"default in {name} is none, reader or curator, not {default!r}: the others are named in person."
        )
    hours = told.get("session_hours", Rules.session_hours)
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= _LONGEST_SESSION:
        raise SaeRadError(f"session_hours in {name} is a number above 0 and at most {_LONGEST_SESSION}, not {hours!r}.")
    unverified = told.get("accept_unverified_email", Rules.accept_unverified_email)
    if not isinstance(unverified, bool):
        raise SaeRadError(f"accept_unverified_email in {name} is true or false, not {unverified!r}.")
    people, domains = _listed(told.get("roles", {}), name)
    return Rules(people, domains, default, float(hours), unverified)


def _listed(roles: Any, name: str) -> tuple[dict[str, Role], dict[str, Role]]:  # noqa: ANN401 - whatever a TOML file holds
    people: dict[str, Role] = {}
    domains: dict[str, Role] = {}
    if not isinstance(roles, dict):
        raise SaeRadError(f"[roles] in {name} lists addresses under each role.")
    for role, listed in roles.items():
        if role not in ROLES:
            raise SaeRadError(f"There is no role {role!r}; [roles] in {name} has {', '.join(ROLES)}.")
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise SaeRadError(f"{role} in {name} is a list of addresses in quotes.")
        for one in (entry.strip().lower() for entry in listed):
            if one in people or one in domains:
                raise SaeRadError(f"{name} names {one!r} twice; leave it under one role.")
            if ADDRESS.fullmatch(one):
                people[one] = role
            elif not DOMAIN.fullmatch(one):
                raise SaeRadError(
                    f"{one!r} in {name} is neither an address (ada@example.org) nor a domain (@example.org)."
                )
            elif role == "admin":
                raise SaeRadError(f"{name} makes all of {one} admins; name admins in person.")
            else:
                domains[one] = role
    return people, domains
