"""Who may do what: people, their roles, and what a role allows. Knows nothing of logins in a browser."""

from saerad_core.access.person import LOCAL, Person, SignedOut, person_of
from saerad_core.access.roles import ACTS, ROLES, AccessRefused, Role, act_of, allows, check, refusal
from saerad_core.access.rules import Rules, read_rules

__all__ = [
    "ACTS", "LOCAL", "ROLES", "AccessRefused", "Person", "Role", "Rules", "SignedOut", "act_of", "allows", "check", "person_of",
    "read_rules", "refusal",
]  # fmt: skip
