"""The simulator's laws: reproducible films, causal twins, masks that are where the finding is, one scene at any size."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter

from saerad_core.demo.anatomy import sample_anatomy, sample_technique
from saerad_core.demo.render import fields_of, render
from saerad_core.demo.scene import build_scene
from saerad_core.demo.study import SimulatedFinding, Study
from saerad_core.vocabulary import SIMULATED, TERMS, Fact

SHAPE = {"cardiomegaly", "hyperinflation", "raised_hemidiaphragm", "widened_mediastinum", "scoliosis", "lobar_collapse"}
"""Findings that move other structures, so that their twin may differ over much of the film."""
CASES = [
    SimulatedFinding(key, side, place, severity, 0.5, 40 + number)
    for key in SIMULATED
    for number, (side, place, severity) in enumerate(
        (
            (TERMS[key].sided and "right") or "",
            (TERMS[key].places or ("",))[0],
            (TERMS[key].severities or ("",))[0],
        )
        if first
        else (
            (TERMS[key].sided and "left") or "",
            (TERMS[key].places or ("",))[-1],
            (TERMS[key].severities or ("",))[-1],
        )
        for first in (True, False)
    )
]


def _study(seed: int, findings: tuple[SimulatedFinding, ...] = (), view: str = "PA") -> Study:
    rng = np.random.default_rng(seed)
    sex, age = ("F", "M")[seed % 2], 30 + 7 * seed % 55
    return Study(
        f"p{seed}",
        f"s{seed}",
        0,
        sex,
        age,
        view,
        sample_anatomy(rng, sex, age),
        sample_technique(rng, view),
        findings,
        seed,
    )


def _id(finding: SimulatedFinding) -> str:
    return "-".join(part for part in (finding.finding, finding.side, finding.place, finding.severity) if part)


def test_a_film_is_reproducible_float32_and_in_range() -> None:
    for seed in range(4):
        study = _study(seed, tuple(CASES[seed * 7 : seed * 7 + 3]), "AP" if seed % 2 else "PA")
        first, second = render(study), render(study)
        assert first.pixels.dtype == np.float32
        assert first.pixels.shape == (256, 256)
        assert first.pixels.min() >= 0
        assert first.pixels.max() <= 1
        assert first.pixels.std() > 0.1
        assert first.masks == {}
        np.testing.assert_array_equal(first.pixels, second.pixels)


def test_bone_is_white_and_air_black() -> None:
    for seed in range(4):
        study = _study(seed)
        fields = fields_of(study.anatomy, study.technique, (), 256)
        pixels = render(study).pixels
        lung = fields.air > 8
        # Below the dome and away from the borders, beside the spine.
        abdomen = (fields.frame.y > fields.dome + 3) & (fields.frame.ax < 6) & (fields.frame.ax > 3)
        abdomen[:10] = abdomen[-24:] = False
        pixels[:64] *= fields.body[:64] > 0.01  # the marker
        assert pixels[abdomen].mean() > pixels[lung].mean() + 0.2
        assert pixels[fields.body < 0.01].max(initial=0) < 0.1


@pytest.mark.parametrize("finding", CASES, ids=_id)
def test_a_findings_mask_is_where_its_twin_differs(finding: SimulatedFinding) -> None:
    study = _study(3, (finding,), "PA")
    pixels, masks = render(study, masks=True)
    mask, twin = masks[finding], render(study, without=[finding]).pixels
    assert mask.dtype == bool
    assert mask.any()
    change = np.abs(pixels - twin)
    assert gaussian_filter(change, 1)[mask].max() > 0.02
    # What lies beyond the reach of scatter and edge enhancement is the same to the last bit.
    reach = binary_dilation(mask, iterations=34) if mask.sum() < 40000 else np.ones_like(mask)
    if finding.finding in SHAPE:
        assert change[~binary_dilation(mask, iterations=6)].mean() < 0.01
    else:
        assert change[~reach].max(initial=0) < 0.004
    assert change[mask].mean() > 3 * change[~binary_dilation(mask, iterations=3)].mean()


@pytest.mark.parametrize("finding", [f for f in CASES if f.side and f.finding != "scoliosis"], ids=_id)
@pytest.mark.parametrize("seed", [5, 6, 7])
def test_a_sided_findings_mask_lies_on_its_side(finding: SimulatedFinding, seed: int) -> None:
    study = _study(seed, (finding,), "AP" if seed == 7 else "PA")
    mask = render(study, size=128, masks=True).masks[finding]
    x = fields_of(study.anatomy, study.technique, (), 128).frame.x
    sign = 1 if finding.side == "left" else -1
    centre = float(x[mask].mean()) * sign
    # Lines and leads of either side end at the heart's right.
    if finding.finding == "central_line":
        start = mask & (np.arange(128)[:, None] < np.where(mask.any(axis=1))[0][0] + 6)
        centre = float(x[start].mean()) * sign
    if finding.finding == "pacemaker":
        change = fields_of(study.anatomy, study.technique, (finding,), 128).metal
        centre = float(np.average(x, weights=change)) * sign
    assert centre > 0


@pytest.mark.parametrize("key", [key for key in SIMULATED if "mid zone" in TERMS[key].places])
def test_a_finding_lies_in_its_zone(key: str) -> None:
    for seed, place in enumerate(TERMS[key].places):
        finding = SimulatedFinding(key, ("right", "left")[seed % 2], place, "", 0.4, seed)
        study = _study(20 + seed, (finding,))
        mask = render(study, size=128, masks=True).masks[finding]
        scene = build_scene(study.anatomy, study.technique, ())
        height = float(np.broadcast_to(scene.frame(128).y, mask.shape)[mask].mean())
        low, high = scene.zone(place)
        assert low - 0.7 < height < high + 0.7


def test_scoliosis_bends_to_its_side() -> None:
    for side, sign in (("right", -1), ("left", 1)):
        study = _study(2)
        scene = build_scene(
            study.anatomy, study.technique, (SimulatedFinding("scoliosis", side, "", "moderate", 0.5, 3),)
        )
        assert scene.bend is not None
        assert sign * scene.bend[np.argmax(np.abs(scene.bend))] > 2


def test_other_findings_stay_when_one_is_left_out() -> None:
    nodule = SimulatedFinding("nodule", "right", "upper zone", "", 0.7, 9)
    wires = SimulatedFinding("sternal_wires", extent=0.4, seed=4)
    both, alone = _study(8, (nodule, wires)), _study(8, (wires,))
    for key in ("nodule", nodule, Fact("nodule", "right", "upper zone")):
        np.testing.assert_array_equal(render(both, without=[key]).pixels, render(alone).pixels)
    np.testing.assert_array_equal(
        render(both, without=[Fact("nodule", "left", "upper zone")]).pixels, render(both).pixels
    )


def test_a_finding_wholly_hidden_by_another_keeps_a_mask() -> None:
    effusion = SimulatedFinding("pleural_effusion", "right", "", "large", 1.0, 1)
    raised = SimulatedFinding("raised_hemidiaphragm", "right", "", "", 0.1, 2)
    masks = render(_study(9, (effusion, raised)), masks=True).masks
    assert all(mask.any() for mask in masks.values())
    assert len(masks) == 2


@pytest.mark.parametrize("view", ["PA", "AP"])
def test_both_sizes_show_the_same_scene(view: str) -> None:
    findings = (CASES[2], CASES[14], CASES[-2], SimulatedFinding("pacemaker", "left", extent=0.5, seed=3))
    study = _study(11, findings, view)
    small, large = render(study).pixels, render(study, size=512).pixels
    assert large.shape == (512, 512)
    halved = large.reshape(256, 2, 256, 2).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), halved.ravel())[0, 1] > 0.97


@pytest.mark.parametrize(
    ("severity", "low", "high"),
    [("", 0.39, 0.51), ("mild", 0.52, 0.58), ("moderate", 0.57, 0.65), ("severe", 0.64, 0.76)],
)
def test_the_cardiothoracic_ratio_follows_severity(severity: str, low: float, high: float) -> None:
    for seed in range(6):
        study = _study(seed)
        for extent in (0.0, 1.0):
            findings = (SimulatedFinding("cardiomegaly", "", "", severity, extent, 1),) if severity else ()
            scene = build_scene(study.anatomy, study.technique, findings)
            y = np.linspace(2, max(scene.dome), 80)
            right, left = scene.edges(y)
            assert low <= (right.max() + left.max()) / (2 * scene.half_width) <= high


def test_effusions_and_pneumothoraces_grow_with_severity() -> None:
    for key in ("pleural_effusion", "pneumothorax"):
        areas = []
        for severity in ("small", "moderate", "large"):
            finding = SimulatedFinding(key, "left", "", severity, 0.5, 3)
            areas.append(int(render(_study(13, (finding,)), masks=True).masks[finding].sum()))
        assert areas[0] < areas[1] < areas[2]
