"""A person: who they are, how that is known, and for how long."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from saerad_core.access.roles import AccessRefused, Role, check
from saerad_core.access.rules import ADDRESS, Rules

LONGEST_ADDRESS = 80
"""What fits into a curation event's author."""
LONGEST_MEANS = 400


class SignedOut(AccessRefused):
    """Nobody is signed in, or no longer."""


@dataclass(frozen=True)
class Person:
    """Somebody who uses the app."""

    name: str
    """The e-mail address that a login verified; or the name that somebody typed, "" until they did."""
    verified: bool
    role: Role
    means: str = ""
    """How the name was verified: "oidc", the issuer and its own name for the person; "" where it wasn't."""
    until: float = math.inf
    """Seconds since 1970; from then on they have to sign in again."""

    def check(self, act: str) -> None:
        """Raise AccessRefused where they may not do an act of roles.ACTS."""
        check(self.role, act)


LOCAL = Person("", verified=False, role="admin")
"""Whoever sits at a machine without a login: nobody checks the name, and everything is theirs."""


def person_of(claims: Mapping[str, Any] | None, rules: Rules, now: float) -> Person:
    """Who an ID token's claims are about (OpenID Connect Core 1.0, section 2 and 5.1).

    Args:
        claims: of a token that was verified when the person signed in; None where there is none.
        rules: who may do what.
        now: seconds since 1970.

    Raises:
        SignedOut: there are no claims, they are too old, or they don't tell an address that can be relied on.
    """
    if claims is None:
        raise SignedOut("You are not signed in; sign in to go on.")
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float) or not math.isfinite(issued):
        raise SignedOut("The login service doesn't say when you signed in; ask whoever runs this server.")
    until = issued + rules.session_hours * 3600
    # A provider's clock may be a little ahead of this one.
    if not issued - 300 <= now < until:
        raise SignedOut("Your sign-in has run out; sign in again to go on.")
    email = claims.get("email")
    email = email.strip().lower() if isinstance(email, str) else ""
    if not ADDRESS.fullmatch(email) or len(email) > LONGEST_ADDRESS:
        raise SignedOut(
            f"The login service tells no e-mail address of yours that can be used (at most {LONGEST_ADDRESS} characters); "
            "ask whoever runs this server."
        )
    verified = claims.get("email_verified")
    if verified is not True and not (verified is None and rules.accept_unverified_email):
        raise SignedOut(
            "The login service doesn't call your e-mail address verified, so it says nothing here; verify it there and sign in again."
        )
    means = " ".join(("oidc", *(str(claims.get(name, "")) for name in ("iss", "sub"))))
    means = "".join(char for char in means if char.isprintable())[:LONGEST_MEANS]
    return Person(email, True, rules.role_of(email), means, until)
