"""Which of several dictionaries to take, from figures of the validation patients alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from saerad_core.evaluation.bootstrap import interval

JUDGED = "validate"
WAY = "k15"
"""What tells how much a dictionary knows: 15 features of it."""
NEAR = 0.2
"""A candidate takes part where its L0 is within this share of the one asked for: more active features always explain more."""


def recommend(candidates: list[dict[str, Any]], k: int) -> dict[str, Any] | None:
    """The candidate to take at about ``k`` active features a token, why, and how the others compare.

    Best is the highest mean AUROC of 15-feature probes. As good as it are all whose difference to it, paired by patient, has a
    95% interval that reaches 0; of those the one that explains most beyond PCA with as many components is taken. Without labels
    that alone decides. Patches are read by their maximum; by their mean where that is better and the interval says so.

    Args:
        candidates: label, architecture, tokens, and the figures of ``measure`` with their samples.
        k: the L0 at which they are compared.

    Returns:
        label, architecture, tokens, pool, sentence, ``as_good`` (labels) and ``compared``: label -> why it isn't taken. None where
        no candidate has an L0 near ``k``.
    """
    near = [one for one in candidates if abs(one[JUDGED]["l0"] / k - 1) <= NEAR]
    if not near:
        return None
    told = {one["label"]: samples for one in near if (samples := _samples(one)) is not None}
    good = near
    best = None
    if told:
        best = max((one for one in near if one["label"] in told), key=lambda one: told[one["label"]][0])
        good = [one for one in near if one["label"] in told and _reaches_zero(told[best["label"]] - told[one["label"]])]
    taken = max(good, key=_beyond)
    return {
        "label": taken["label"],
        "architecture": taken["architecture"],
        "tokens": taken["tokens"],
        "pool": _pool(taken),
        "as_good": [one["label"] for one in good],
        "sentence": _sentence(taken, best, told, len(good), len(near)),
        "compared": {one["label"]: _why_not(one, taken, best, told, k) for one in candidates if one is not taken},
    }


def _samples(one: dict[str, Any], pool: str = "max") -> np.ndarray | None:
    found = one[JUDGED].get("auroc", {}).get(pool)
    return None if found is None else np.array(found[WAY]["samples"])


def _pool(one: dict[str, Any]) -> str:
    most, mean = _samples(one), _samples(one, "mean")
    return "mean" if most is not None and mean is not None and interval((mean - most)[1:])[0] > 0 else "max"


def _beyond(one: dict[str, Any]) -> float:
    return one[JUDGED]["explained_variance"] - one[JUDGED]["pca_explained_variance"]


def _reaches_zero(samples: np.ndarray) -> bool:
    low, _ = interval(samples[1:])
    return not low > 0


def name_of(one: dict[str, Any]) -> str:
    """A candidate as a person reads it."""
    own = ", the workspace's own" if one["label"] == "own" else ""
    return (
        f"{one['architecture']} on {'CLS' if one['tokens'] == 'cls' else 'patch'} tokens ({one['width']} features{own})"
    )


def _sentence(
    taken: dict[str, Any], best: dict[str, Any] | None, told: dict[str, np.ndarray], good: int, near: int
) -> str:
    judged = taken[JUDGED]
    says = f"Take {name_of(taken)} at L0 {judged['l0']:.0f}: on the validation patients "
    explains = (
        f"explains {judged['explained_variance']:.3f} of the variance where PCA with as many components explains "
        f"{judged['pca_explained_variance']:.3f}"
    )
    if best is None:
        return f"{says}it {explains}, the widest margin of {near} candidates; there are no labels to probe."
    value = told[taken["label"]][0]
    if good == 1:
        return f"{says}its 15 best features tell the labels best (mean AUROC {value:.3f}, ahead of all others by patient), and it {explains}."
    first = (
        "the highest"
        if taken is best
        else f"the highest is {told[best['label']][0]:.3f}, {name_of(best)}, and the difference's interval reaches 0"
    )
    return (
        f"{says}its 15 best features tell the labels with a mean AUROC of {value:.3f} ({first}), and of the {good} of {near} candidates that "
        f"are as good it has the widest margin over PCA: it {explains}."
    )


def _why_not(
    one: dict[str, Any], taken: dict[str, Any], best: dict[str, Any] | None, told: dict[str, np.ndarray], k: int
) -> str:
    if abs(one[JUDGED]["l0"] / k - 1) > NEAR:
        return f"L0 {one[JUDGED]['l0']:.1f} is not near {k}"
    if best is not None and one["label"] in told:
        less = told[best["label"]] - told[one["label"]]
        if not _reaches_zero(less):
            low, high = interval(less[1:])
            return f"its features tell labels less well than the best by {less[0]:.3f} ({low:.3f} to {high:.3f})"
    return f"as telling, but explains {_beyond(one):+.3f} beyond PCA against {_beyond(taken):+.3f}"
