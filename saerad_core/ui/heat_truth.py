"""What readers are told of a feature's heatmaps: how often they are right, beside a guess that never saw the X-ray."""

from __future__ import annotations

from saerad_core.explorer import HeatTruth
from saerad_core.ui.components import number, share
from saerad_core.ui.feature_rows import label_name

PRIOR = "the average of other patients' "
"""Of masks or boxes: the image-blind prior."""
SAYS = (
    "Pointing game: the share of patients on whom the heatmap's highest patch lies in the finding, or within 3 % of the picture's side of it. "
    "Beside it the same of a guess that never saw the X-ray: where the finding is most often in other patients. 95 % intervals over patients."
)


def sentence(truth: HeatTruth) -> str:
    """One sentence: the score beside the prior's, why no heatmap is drawn, or that nobody tested it."""
    if truth.state == "unmeasured":
        return "Untested: this workspace was built before heatmaps were tested; `python -m saerad_core maps` on it does so."
    if truth.state == "unknown":
        return "Untested: nobody drew where findings are on these X-rays, so the truth of this map is unknown."
    if truth.judged is None:
        return f"Untested: fewer than {truth.fewest} patients with {truth.kind} show this feature, so the truth of this map is unknown."
    score, label = truth.judged.score, label_name(truth.judged.label)
    points = f"it points into {label} in {share(score.pointing)} of {number(score.patients)} patients ({share(score.lo)} to {share(score.hi)})"
    if truth.drawn:
        return f"Tested by {truth.kind}: {points}; {PRIOR}{truth.kind}, which never saw the X-ray, in {share(score.prior)}."
    return f"No heatmap is drawn: {points}, no better than {PRIOR}{truth.kind}, which never saw the X-ray, in {share(score.prior)}."
