"""Does the feature follow who was X-rayed and how? The counts by group, and a verdict in words."""

from __future__ import annotations

from html import escape

from saerad_core.explorer import Confounder, FeatureRow
from saerad_core.explorer.confounders import TEXT
from saerad_core.ui.components import heading, html, number, share
from saerad_core.ui.feature_rows import label_name
from saerad_core.ui.state import Here


def confounders(here: Here, row: FeatureRow) -> None:
    """The verdict, then a row for each way to divide X-rays."""
    found = here.explorer.evidence(row.feature_id).confounders(row.best_label)
    html(
        heading(
            "Confounders",
            "How often the feature fires among the training patients of each group, each counting by the share of their X-rays of that group "
            "on which it fires; and how much of the odds ratio with the label that it tells best is left within the groups (Mantel and Haenszel).",
        )
    )
    html(f'<p class="quiet verdict">{escape(verdict(found, label_name(row.best_label)))}</p>')
    html(f'<table class="rows">{"".join(_row(one) for one in found)}</table>')


def verdict(found: list[Confounder], label: str) -> str:
    """One or two sentences on all facets together."""
    leaning = sorted((one for one in found if one.verdict in ("follows", "leans")), key=lambda one: -(one.ratio or 0))
    looked = list(dict.fromkeys(_kind(one) for one in found if one.verdict != "unknown"))
    if not looked:
        return "Nothing is known of these X-rays that the feature could be compared with."
    if not leaning:
        said = f"No sign that it follows {_list(looked)}."
    else:
        strongest = leaning[0]
        verb = "follows" if strongest.verdict == "follows" else "leans on"
        groups = f"for {strongest.most} as for {strongest.least}"
        if _is_text(strongest):
            groups = f"{strongest.most} it as {strongest.least} it"
        said = f"It {verb} {_thing(strongest)}: it fires {strongest.ratio:.1f} times as often {groups}."
        if len(leaning) > 1:
            said += f" It leans on {_list([_thing(one) for one in leaning[1:]])} too."
    explaining = [_thing(one) for one in found if one.explains]
    if explaining and label:
        return (
            f"{said} Much of what it tells of {label} is explained by {_list(explaining)}: compare within the groups."
        )
    if leaning and label and any(one.kept is not None for one in leaning):
        return f"{said} What it tells of {label} holds within the groups."
    return said


_THINGS = {"Follow-up": "the follow-up number", "Device": "devices", TEXT: "markers or burned-in text"}
_PLACES = {
    "top": "at the upper edge",
    "bottom": "at the lower edge",
    "left": "at the left edge",
    "right": "at the right edge",
}


def _is_text(one: Confounder) -> bool:
    return one.name.startswith(TEXT)


def _kind(one: Confounder) -> str:
    """The facet within a sentence, every zone of burned-in text the same."""
    return _THINGS.get(TEXT if _is_text(one) else one.name, f"the {one.name.lower()}")


def _thing(one: Confounder) -> str:
    """The facet within a sentence."""
    zone = one.name.removeprefix(f"{TEXT}, ") if _is_text(one) else TEXT
    if zone == TEXT:
        return _kind(one)
    return f"{_kind(one)} {_PLACES.get(zone, f'in the {zone} corner')} of the picture"


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}"


def _row(one: Confounder) -> str:
    if not one.groups:
        return f'<tr><td title="{escape(one.says)}">{escape(one.name)}</td><td class="quiet" colspan="2">not known; {escape(one.says[0].lower() + one.says[1:])}</td></tr>'
    groups = " ".join(
        f'<span class="group" title="{number(s.n)} of {number(s.of)} patients, {share(s.lo)} to {share(s.hi)}">{escape(group)} <b>{share(s.value)}</b></span>'
        for group, s in zip(one.groups, one.fires, strict=True)
    )
    said = {"unknown": "too few", "no": "no difference", "leans": "leans", "follows": "follows"}[one.verdict]
    kept, says = "", ""
    if one.kept is not None:
        kept = f'<span class="faint">{one.kept:.0%} left within</span>'
        says = (
            f"Within the groups {one.kept:.0%} of the log odds ratio with the best label is left: about 100 % where the groups explain "
            "none of it, more where they hid some, little where they explain it."
        )
    return (
        f'<tr><td title="{escape(one.says)}">{escape(one.name.replace(TEXT + ",", "Text,"))}</td><td class="wrap">{groups}</td>'
        f'<td class="r {one.verdict}" title="{escape(says)}">{said} {kept}</td></tr>'
    )
