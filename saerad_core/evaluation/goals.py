"""The project's goals beside the figures of the simulated workspace."""

from __future__ import annotations

from typing import Any

from saerad_core.evaluation.systems import OURS, SYSTEMS

SURE = 0.95
F1 = 0.85


def demo_goals(found: dict[str, Any]) -> list[dict[str, Any]]:
    """name, value, goal, met: of what the evaluation of a simulated workspace found."""
    figures, against = found["figures"], found["against_ours"]
    ours = figures[OURS]["fact_f1"]["value"]
    rows = [_row("exact fact F1", ours, "exact fact F1 >= 0.85", ours is not None and ours >= F1)]
    # Ahead means beyond chance: the whole interval of the paired difference lies above 0.
    ahead = {
        key: one["fact_f1"]["lo"]
        for key, one in against.items()
        if SYSTEMS[key].baseline and one["fact_f1"]["lo"] is not None
    }
    if ahead:
        nearest = min(ahead, key=lambda key: ahead[key])
        rows.append(
            _row(
                f"lead in exact fact F1 over the nearest baseline ({SYSTEMS[nearest].title}), lower end of its 95% interval",
                ahead[nearest],
                "ahead of every baseline but the oracle",
                ahead[nearest] > 0,
            )
        )
    sure = figures[OURS]["sure_precision"]["value"]
    rows.append(
        _row(
            "share true of the facts stated without a hedge",
            sure,
            'nothing invented among sentences said as "present" at 95% precision',
            sure is not None and sure >= SURE,
        )
    )
    return rows


def _row(name: str, value: float | None, goal: str, met: bool) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": "", "goal": goal, "met": bool(met)}
