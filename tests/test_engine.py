"""The live path on real X-rays: the file's format changes nothing, and what is no chest X-ray is said to be unusual."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from saerad_core.engine import Engine
from saerad_core.gate import Gate
from saerad_core.images.sandbox import decode_sandboxed
from tests.images.films import dicom, written
from tests.tiny import draw


@pytest.fixture(scope="module")
def engine(tiny_workspace) -> Engine:
    return Engine(tiny_workspace)


def as_dicoms(grey: np.ndarray) -> dict[str, bytes]:
    """An 8-bit picture as 12-bit files that show the same, by PS3.3 C.11.2.1.2: x / 4080 of stored values 0 to 4080."""
    stored = grey.astype(np.uint16) * 16
    window = {"WindowCenter": 2040.5, "WindowWidth": 4081}
    return {
        "12-bit, windowed": written(dicom(stored, BitsStored=12, HighBit=11, **window)),
        "MONOCHROME1": written(
            dicom(4080 - stored, BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1", **window)
        ),
    }


def test_one_x_ray_in_three_formats_has_the_same_features(engine: Engine, shared: Path) -> None:
    for path in sorted((shared / "cxr" / "nih" / "originals").glob("*.png"))[:3]:
        data = path.read_bytes()
        first = engine.analyse(data)
        assert first.active
        grey = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
        for name, other in as_dicoms(grey).items():
            found = engine.analyse(other)
            assert np.abs(found.pixels - first.pixels).max() < 1 / 255, name
            assert [f for f, _ in found.active] == [f for f, _ in first.active], name
            assert [s.text for s in found.report.findings] == [s.text for s in first.report.findings]


def test_every_report_says_how_unusual_the_image_is(engine: Engine, tiny_workspace) -> None:
    assert isinstance(engine.gate, Gate)
    photograph = io.BytesIO()
    Image.fromarray(load_sample_images().images[0]).convert("L").save(photograph, "PNG")
    found = engine.analyse(photograph.getvalue())
    judged = found.report.typicality
    assert judged is not None and judged["flagged"] and found.report.warnings
    assert "may not be a chest X-ray" in found.report.warnings[0]
    assert found.report.as_json()["typicality"] == judged
    pixels = decode_sandboxed(photograph.getvalue()).pixels
    assert engine.judge_pixels(pixels).as_json() == judged


def test_held_out_x_rays_of_the_workspace_mostly_are_not_flagged(engine: Engine, tiny_workspace) -> None:
    from saerad_core.store.activations import ActivationStore

    images = ActivationStore(tiny_workspace.activations_db).images()
    test = images.loc[images["split"] == "test"].head(20)
    judged = [
        engine.judge_pixels(engine.pixels_of(i), int(r)) for i, r in zip(test["image_id"], test["row"], strict=True)
    ]
    assert np.mean([one.flagged for one in judged]) < 0.5


def test_a_workspace_without_a_gate_still_writes_reports(tiny_workspace, monkeypatch) -> None:
    engine = Engine(tiny_workspace)
    monkeypatch.setattr(type(tiny_workspace), "gate_file", property(lambda self: self.root / "none.safetensors"))
    found = engine.analyse_pixels(np.full((64, 64), 0.5, dtype=np.float32))
    assert found.report.typicality is None


def film(seed: int, side: str) -> np.ndarray:
    """float32: a drawn film; without a side it is the causal twin of the same seed's, with the same noise."""
    return draw(np.random.default_rng(seed), side).astype(np.float32) / 255


def states(report, finding: str, side: str) -> bool:
    return any(s.present and (s.finding, s.side) == (finding, side) for one in report.findings for s in one.statements)


def test_the_causal_twin_loses_the_sentence(engine: Engine) -> None:
    had, lost = 0, 0
    for seed in range(1000, 1012):
        for finding, side in (("pleural_effusion", "left"), ("pneumothorax", "right")):
            if states(engine.analyse_pixels(film(seed, side)).report, finding, side):
                had += 1
                lost += not states(engine.analyse_pixels(film(seed, "")).report, finding, side)
    assert had >= 12 and lost / had >= 0.9


def test_each_stage_is_told_as_it_ends_and_the_features_before_the_report(engine: Engine) -> None:
    told = []
    data = io.BytesIO()
    Image.fromarray(draw(np.random.default_rng(5), "left")).save(data, "PNG")
    found = engine.analyse(data.getvalue(), tell=told.append)
    assert [one.stage for one in told] == ["decode", "encode", "features", "typical", "report", "similar"]
    assert told[2].active == found.active and told[4].report is found.report
    assert all(one.ms == found.report.timings_ms[one.stage] for one in told)


def test_switching_a_feature_is_the_same_as_if_the_x_ray_hadn_t_shown_it(engine: Engine) -> None:
    reading = engine.analyse_pixels(film(1001, "left")).reading
    whole = engine.report_of(reading)
    assert engine.report_of(reading, multipliers={f: 1.0 for f, _ in reading.active}).as_json() == whole.as_json()
    off = engine.report_of(reading, multipliers=dict.fromkeys(np.flatnonzero(reading.code).tolist(), 0.0))
    assert off.features == [] and not off.findings and "no feature is active" in off.warnings[-1]


def test_nothing_of_a_prior_s_file_but_its_pixels_is_kept(engine: Engine) -> None:
    pixels = draw(np.random.default_rng(5), "left").astype(np.uint16) * 16
    prior = engine.read(written(dicom(pixels, PatientName="Secret^Name", StudyDate="19700101")))
    found = engine.analyse_pixels(film(6, ""), prior=prior)
    assert "Secret" not in repr(vars(prior)) + repr(found.report) and "19700101" not in repr(found.report)
    assert found.report.given is not None and found.report.given.prior


def test_of_a_prior_unlike_the_workspace_s_x_rays_nothing_is_compared(engine: Engine) -> None:
    photograph = load_sample_images().images[0].mean(2).astype(np.float32) / 255
    prior = engine.read(photograph)
    report = engine.report_of(engine.read(film(7, "left")), prior)
    assert prior.untypical and report.given is not None and report.given.prior is None
    assert any("nothing is said of changes" in warning for warning in report.warnings) and not report.changes
