"""What heatmaps are tested on: simulated X-rays with the place of everything on them, dictionaries, and pairs of a feature and an X-ray that shows it.

X-rays are of patients that neither encoder nor dictionaries saw. Features are matched to labels on their training X-rays, without masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from saerad_core.datasets.places import SIDE
from saerad_core.demo.population import patient_studies
from saerad_core.demo.render import render
from saerad_core.demo.study import Study
from saerad_core.descriptions.auroc import sparse_auroc
from saerad_core.descriptions.auroc_interval import interval
from saerad_core.encoder import Encoder
from saerad_core.evaluation.concepts import concept_matrix
from saerad_core.heatmap.file import FEWEST
from saerad_core.heatmap.truth import Place, place_of
from saerad_core.sae.base import Sae
from saerad_core.sae.codes import SparseCodes, open_codes
from saerad_core.sae.columns import by_feature
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.files import load, save
from saerad_core.sae.train import train
from saerad_core.sae.width import recommended_width
from saerad_core.stages.activate import load_thresholds
from saerad_core.store.activations import ActivationStore
from saerad_core.vocabulary import TERMS, Fact, concept_of
from saerad_core.workspace import Workspace

TESTED, TRAINED = 107, 108
"""Populations that the maps are tested on and that the CLS dictionary is trained on; the demo's are 1 and 7."""
SEARCHED = 3_000
"""Patients looked through for X-rays with each label."""
TOP = 2
"""Features a label, the ones that tell it best, that maps are made for by every method."""


class Xray(NamedTuple):
    """One simulated X-ray with the place of everything on it."""

    study: Study
    pixels: np.ndarray
    """uint8 [SIDE, SIDE]."""
    places: dict[str, Place]
    """By label, such as pleural_effusion_left, and by finding, such as pleural_effusion."""

    @property
    def patient(self) -> str:
        return self.study.patient_id

    @property
    def labels(self) -> set[str]:
        return {concept_of(finding.fact) for finding in self.study.findings}


def for_choosing(patient: str) -> bool:
    """Half of the patients; the other half is reported."""
    return sha256(patient.encode()).digest()[0] % 2 == 0


def finding_of(label: str) -> str:
    """pleural_effusion_left -> pleural_effusion."""
    return label if label in TERMS else max((key for key in TERMS if label.startswith(key)), key=len)


def localised(label: str) -> bool:
    """Whether a report says on which side or where the finding is: it may be in more than one place."""
    term = TERMS[finding_of(label)]
    return term.sided or bool(term.places)


# -- X-rays


def studies_for_testing(per_label: int) -> list[Study]:
    """First studies of patients, until each label has ``per_label`` of them."""
    having: dict[str, int] = {}
    chosen = []
    for index in range(SEARCHED):
        study = patient_studies(TESTED, index)[0]
        labels = {concept_of(finding.fact) for finding in study.findings}
        if any(having.get(label, 0) < per_label for label in labels):
            chosen.append(study)
            for label in labels:
                having[label] = having.get(label, 0) + 1
    return chosen


def drawn(study: Study, cache: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    """Pixels uint8 and masks in the order of the study's findings."""
    path = cache / f"{study.study_id}.npz"
    if not path.exists():
        done = render(study, size=SIDE, masks=True)
        masks = (
            np.stack([done.masks[finding] for finding in study.findings])
            if study.findings
            else np.zeros((0, SIDE, SIDE), bool)
        )
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, pixels=np.round(done.pixels * 255).astype(np.uint8), masks=np.packbits(masks))
        part.replace(path)
    with np.load(path) as file:
        masks = np.unpackbits(file["masks"])[: len(study.findings) * SIDE * SIDE].reshape(-1, SIDE, SIDE).astype(bool)
        return file["pixels"], list(masks)


def xrays_for_testing(per_label: int, grid: int, cache: Path) -> list[Xray]:
    found = []
    for study in studies_for_testing(per_label):
        pixels, masks = drawn(study, cache)
        by_name: dict[str, np.ndarray] = {}
        for finding, mask in zip(study.findings, masks, strict=True):
            for name in {concept_of(finding.fact), finding.finding}:
                by_name[name] = by_name.get(name, np.zeros_like(mask)) | mask
        found.append(Xray(study, pixels, {name: place_of(mask, grid) for name, mask in by_name.items()}))
    return found


# -- features and what they are matched to


class Matched(NamedTuple):
    """A feature and the label that it tells best."""

    feature: int
    label: str
    auroc: float


def matched(auroc: np.ndarray, names: list[str], positives: np.ndarray, patients: int) -> list[Matched]:
    """Features that tell a label better than chance, up to TOP a label, the best first.

    Args:
        auroc: [m, L] on training patients.
        names: L labels.
        positives: patients with each label.
        patients: all training patients.
    """
    found = []
    best = np.nan_to_num(auroc, nan=0.0).argmax(1)
    for column, name in enumerate(names):
        own = np.flatnonzero(best == column)
        if not len(own):
            continue
        areas = np.nan_to_num(auroc[own, column], nan=0.0)
        low, _ = interval(
            areas, np.full(len(own), positives[column]), np.full(len(own), max(patients - positives[column], 1))
        )
        order = np.argsort(-areas)
        found += [Matched(int(own[i]), name, float(areas[i])) for i in order[:TOP] if low[i] > 0.5]
    return found


@dataclass
class Dictionary:
    """One dictionary on the demo's encoder, with its matched features."""

    sae: Sae
    tokens: str
    thresholds: np.ndarray
    """float32 [m]: from where on a feature counts as active."""
    features: list[Matched]


def patch_dictionary(workspace: Workspace) -> Dictionary:
    """The demo's own."""
    roster = ActivationStore(workspace.activations_db).roster
    truth = [{Fact(*_parts(label)) for label in roster.labels_of(int(row))} for row in np.flatnonzero(roster.train)]
    names, shown = concept_matrix(truth)
    area = sparse_auroc(by_feature(open_codes(workspace.codes), roster.train), shown)
    owners = roster.patient.codes[roster.train]
    positives = np.array([len(np.unique(owners[column])) for column in shown.T])
    features = matched(area, names, positives, len(np.unique(owners)))
    return Dictionary(load(workspace.sae_dir), "patch", load_thresholds(workspace), features)


def _parts(label: str) -> tuple[str, str, str]:
    """A label of the demo as finding, side and place, which concept_of turns into the label again."""
    finding = finding_of(label)
    rest = label[len(finding) + 1 :]
    return (
        finding,
        rest if rest in ("right", "left") else "",
        f"{rest} zone" if rest in ("upper", "mid", "lower") else "",
    )


def cls_dictionary(encoder: Encoder, patients: int, cache: Path) -> Dictionary:
    """Trained here on CLS tokens of simulated X-rays, early stopped on an eighth of the patients."""
    studies = [study for index in range(patients) for study in patient_studies(TRAINED, index)]
    path = cache / f"cls-{patients}.npy"
    if not path.exists():
        found = []
        for first in range(0, len(studies), 32):
            batch = encoder.preprocess([render(study, size=SIDE).pixels for study in studies[first : first + 32]])
            found.append(encoder.embed(batch, patches=False).cls.cpu().numpy())
        np.save(path, np.concatenate(found))
    tokens, owners = np.load(path), np.array([study.patient_id for study in studies])
    check = np.array([sha256(name.encode()).digest()[0] % 8 == 0 for name in owners])
    width = recommended_width(patients, "cls")
    folder = cache / f"cls-{patients}-sae"
    if not folder.exists():
        config = SaeConfig(encoder.d, width, tokens="cls", steps=1_500, check_every=50)
        save(train(tokens[~check], tokens[check], config).sae, folder)
    sae = load(folder)
    with torch.no_grad():
        codes = SparseCodes.of(sae.dense(torch.from_numpy(tokens[~check]).float()).numpy())
    names, shown = concept_matrix([{finding.fact for finding in study.findings} for study in studies])
    area = sparse_auroc(by_feature(codes, np.ones(int((~check).sum()), bool)), shown[~check])
    positives = np.array([len(np.unique(owners[~check][column])) for column in shown[~check].T])
    features = matched(area, names, positives, len(np.unique(owners[~check])))
    return Dictionary(sae, "cls", np.zeros(width, np.float32), features)


# -- pairs of a feature and an X-ray on which it fires and its label is


class Pair(NamedTuple):
    """A feature, and an X-ray with its label on which it fires."""

    feature: Matched
    xray: int
    chosen: bool
    """Whether the patient is of the half that methods are chosen on."""


def strongest(dictionary: Dictionary, encoder: Encoder, xrays: list[Xray], cache: Path) -> np.ndarray:
    """Code of each X-ray, float32 [N, m]: of its CLS token, or the maximum over its patches."""
    weights = dictionary.sae.W_enc.detach().cpu().numpy().tobytes()
    names = "".join(one.study.study_id for one in xrays)
    key = sha256(weights + names.encode() + encoder.fingerprint.encode()).hexdigest()[:16]
    path = cache / f"codes-{key}.npy"
    if not path.exists():
        found = []
        for first in range(0, len(xrays), 16):
            some = xrays[first : first + 16]
            embedded = encoder.embed(encoder.normalise(np.stack([one.pixels for one in some])))
            values = embedded.cls[:, None] if dictionary.tokens == "cls" else embedded.patches
            assert values is not None
            found += [codes_of(dictionary.sae, tokens) for tokens in values]
        np.save(path, np.stack(found))
    return np.load(path)


def codes_of(sae: Sae, tokens: torch.Tensor) -> np.ndarray:
    """float32 [m]: maximum over tokens [n, d]."""
    codes = sae.encode(tokens)
    dense = torch.zeros(sae.config.d_sae)
    dense.scatter_reduce_(0, codes.indices.flatten(), codes.values.detach().flatten(), "amax")
    return dense.numpy()


def pairs_of(dictionary: Dictionary, encoder: Encoder, xrays: list[Xray], cache: Path, per_feature: int) -> list[Pair]:
    """Pairs, up to PER_FEATURE in each half, of every feature that fires on at least FEWEST patients of each; there is one X-ray a patient."""
    ids = [one.feature for one in dictionary.features]
    fires = strongest(dictionary, encoder, xrays, cache)[:, ids] > dictionary.thresholds[ids]
    found = []
    for column, one in enumerate(dictionary.features):
        own = [
            Pair(one, i, for_choosing(x.patient))
            for i, x in enumerate(xrays)
            if fires[i, column] and one.label in x.labels
        ]
        halves = [[p for p in own if p.chosen == which] for which in (True, False)]
        if min(map(len, halves)) >= FEWEST:
            found += halves[0][:per_feature] + halves[1][:per_feature]
    return found
