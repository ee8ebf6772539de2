"""The reader of one workspace: what pages ask, answered from the store, the readers' edits, the map and the evaluation."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd
from cachetools import LRUCache, cached

from saerad_core.descriptions.auroc_interval import interval
from saerad_core.descriptions.lexicon import find_mentions
from saerad_core.descriptions.statements import parse_statements
from saerad_core.exchange import FORMATS, collect
from saerad_core.explorer.catalogue import Catalogue, Curated
from saerad_core.explorer.convert import edits, image_row, status_of
from saerad_core.explorer.detection import draw
from saerad_core.explorer.direction import Directions, Mix
from saerad_core.explorer.evidence import FeatureEvidence, Training
from saerad_core.explorer.impact import Impact, ReportUse
from saerad_core.explorer.meaning import Meanings
from saerad_core.explorer.rows import (
    ActiveFeature,
    AtlasPoints,
    Bin,
    Edit,
    FeatureDetail,
    FeatureQuery,
    FeatureRow,
    ImageRow,
    LabelScore,
    Listing,
    Neighbour,
)
from saerad_core.explorer.scores import READS, Case, Cases, Scores
from saerad_core.explorer.sides import heat_side
from saerad_core.explorer.where import HeatTruth, Where, truth_of, where_of
from saerad_core.heatmap.file import FeatureMaps
from saerad_core.llm import ModelError
from saerad_core.llm.sentences import VARIABLE, sentence_model
from saerad_core.progress import State
from saerad_core.progress import read as read_state
from saerad_core.retrieval import ImageIndex
from saerad_core.sae.runlog import read_run
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation import (
    Admit,
    CurationStore,
    Drafts,
    FeatureState,
    Queued,
    QueueFilter,
    Worth,
    queue_by_value,
)
from saerad_core.store.curation.snapshot import ours
from saerad_core.store.markers import load_markers
from saerad_core.workspace import Workspace

P = ParamSpec("P")
T = TypeVar("T")
KEPT = 48
"""Features whose counts, active X-rays (at most 8 bytes an X-ray each) and shown X-rays are kept in memory."""
QUEUES = 8
"""Queues of the curators' desk that are kept until the next edit, a few MB each at full scale: every act on the desk shows one."""
MOST_OF_PATIENT = 24
"""Other X-rays of a patient that are listed."""
SEARCHED = 60
"""X-rays asked of the index: the patient's own and further ones of a patient are passed over."""
SEARCHES = 1_000
"""X-rays whose answer from the index is kept, 8 kB each: a search looks at every X-ray there is."""
SAMPLES = 20_000
"""Features whose first X-rays in lists are kept, under 1 kB each."""


class Explorer:
    """Reads one workspace; safe to share between threads."""

    def __init__(self, workspace: Workspace, admit: Admit | None = None) -> None:
        """Open its files; ``admit`` decides who may write what (see CurationStore), None: everybody everything."""
        self.workspace = workspace
        self.store = ActivationStore(workspace.activations_db)
        self.curation = CurationStore(workspace, admit=admit)
        self.drafts = Drafts(workspace)
        self.impact = Impact(workspace, self.store, self.curation)
        self._lock = threading.Lock()
        self.scores = Scores(workspace, self.store, self.curation.sae)
        self._catalogue = Catalogue(self.store.features(), self.store.descriptions(), self.scores)
        self._catalogue.near = self._near
        self._meanings: Meanings | None = None
        self._revision = -1
        self._atlas: tuple[int, AtlasPoints] | None = None
        self._unseen: list[int] | None = None
        self._training: Training | None = None
        self.evidence = _kept(self._evidence)
        """A feature's active training X-rays and what is counted of them: ``evidence(feature_id)``."""
        self._detail_kept, self._top_kept = _kept(self._detail), _kept(self._top_images)
        self._alike_kept = _kept(self._alike)
        self._queue_kept = _kept(self._queue, QUEUES)
        self._similar: ImageIndex | None = None
        self._samples: LRUCache[tuple[int, int], list[str]] = LRUCache(SAMPLES)
        self._nearest = _kept(self._search, SEARCHES)
        self._directions = Directions(workspace, self.store)
        self._maps: tuple[FeatureMaps | None] | None = None

    # -- features

    @property
    def revision(self) -> int:
        """Grows with every edit."""
        return self.curation.revision

    @property
    def catalogue(self) -> Catalogue:
        """The features with the readers' latest words."""
        revision = self.revision
        with self._lock:
            if revision != self._revision:
                current = self.curation.all_current()
                self._catalogue.lay_over(Curated(i, word.text, status_of(word)) for i, word in current.items())
                self._revision = revision
            return self._catalogue

    @property
    def n_features(self) -> int:
        return len(self._catalogue)

    def __contains__(self, feature_id: int) -> bool:
        return feature_id in self._catalogue

    def _near(self, question: str, texts: np.ndarray) -> np.ndarray:
        model = sentence_model()
        if model is None:
            raise ModelError(
                f"Search by meaning needs a sentence model; let {VARIABLE} name its folder, or search by words."
            )
        with self._lock:
            if self._meanings is None or self._meanings.model is not model:
                root = self.workspace.root
                self._meanings = Meanings(self.workspace.meanings_dir, model, f"data/{root.name}")
            meanings = self._meanings
        return meanings.near(question, texts)

    def row(self, feature_id: int) -> FeatureRow:
        return self.catalogue.row(feature_id)

    def text(self, feature_id: int) -> str:
        return self.catalogue.text(feature_id)

    def counts(self, column: str) -> dict[str, int]:
        """How many living features have each value of finding, side or status."""
        return self.catalogue.counts(column)

    def features(self, query: FeatureQuery, first: int, count: int) -> Listing:
        """``count`` features of a query's answer from the ``first``."""
        began = time.perf_counter()
        catalogue = self.catalogue
        ids = catalogue.find(query)
        rows = [catalogue.row(int(i)) for i in ids[first : first + count]]
        return Listing(rows, len(ids), _ms(began))

    def beside(self, feature_id: int) -> tuple[int | None, int | None]:
        """The living features before and after this one, by number."""
        return self.catalogue.beside(feature_id)

    def feature(self, feature_id: int) -> FeatureDetail:
        """What the store has counted of a feature, with the readers' latest words; ``ms`` is what the queries took when they ran."""
        return self._detail_kept(feature_id, self.revision)

    def _detail(self, feature_id: int, revision: int) -> FeatureDetail:
        began = time.perf_counter()
        # Asked once: whether a reader has written since is a look at a file.
        catalogue = self.catalogue
        text, row = catalogue.text, catalogue.row(feature_id)
        bins = [Bin(*one) for one in self.store.histogram(feature_id)]
        similar = [Neighbour(i, text(i), cosine) for i, cosine in self.store.neighbours(feature_id)]
        together = [Neighbour(i, text(i), npmi, n) for i, n, npmi in self.store.coactive(feature_id)]
        labels = [self._label_score(*one) for one in self.store.label_scores(feature_id)]
        n = len(bins) + len(similar) + len(together) + len(labels)
        return FeatureDetail(row, bins, similar, together, labels, _ms(began), n)

    def make_ready(self, feature_id: int, band: str, count: int) -> list[ImageRow]:
        """Ask already what the feature's page will ask first; the X-rays that it will show."""
        row = self.feature(feature_id).row
        self.evidence(feature_id)
        images, _ = self.top_images(feature_id, band, count)
        for image in images:
            self.evidence_phrases(row, image)
        return images

    def _label_score(self, label: str, auroc: float, n_patients: int) -> LabelScore:
        others = max(self.view_of_training.patients - n_patients, 0)
        lo, hi = interval(np.array([auroc]), np.array([n_patients]), np.array([others]))
        return LabelScore(label, auroc, n_patients, float(lo[0]), float(hi[0]))

    @property
    def view_of_training(self) -> Training:
        """What all features are compared with; counted once."""
        with self._lock:
            if self._training is None:
                roster = self.store.roster
                self._training = Training(roster, load_markers(self.workspace.markers_file, len(roster)))
            return self._training

    def row_of(self, image_id: str) -> int | None:
        """The X-ray's row; None where there is none of this name."""
        return self.store.roster.row_of(image_id)

    def random_feature(self, described: bool) -> int | None:
        """Any living feature with, or without, a description; None where there is none."""
        ids = self.catalogue.find(FeatureQuery(described=described, sort="id"))
        return int(random.choice(ids)) if len(ids) else None

    def heat_side(self, feature_id: int) -> str:
        """The patient's half in which the heatmaps of the feature's strongest X-rays lie: right, left, or "" where neither is clear or
        they are known to be no better than a guess."""
        if not self.heat_truth(feature_id).drawn:
            return ""
        return heat_side(self.workspace.strongest_patches, feature_id)

    def similar_texts(self, feature_id: int, count: int) -> list[Neighbour]:
        """Living features whose descriptions share words with this one's, by BM25."""
        return self._alike_kept(feature_id, count, self.revision)

    def _alike(self, feature_id: int, count: int, revision: int) -> list[Neighbour]:
        catalogue = self.catalogue
        return [Neighbour(i, catalogue.text(i), value) for i, value in catalogue.alike(feature_id, count)]

    def _evidence(self, feature_id: int) -> FeatureEvidence:
        return FeatureEvidence(self.store, self.view_of_training, feature_id)

    @property
    def maps(self) -> FeatureMaps | None:
        """Mean maps and the scores of heatmaps; None where the workspace has none of this dictionary."""
        with self._lock:
            if self._maps is None:
                path = self.workspace.maps_file
                found = FeatureMaps(path) if path.exists() else None
                self._maps = (found if found is not None and found.sae == self.curation.sae else None,)
            return self._maps[0]

    def heat_truth(self, feature_id: int) -> HeatTruth:
        """Whether a feature's heatmaps are true, as far as masks or boxes could tell."""
        return truth_of(self.maps, feature_id)

    def where(self, feature_id: int) -> Where | None:
        """Where in the chest a feature looks on the whole; None where too few X-rays' maps are kept."""
        return where_of(self.maps, feature_id)

    # -- X-rays

    def has_image(self, image_id: str) -> bool:
        return self.store.roster.row_of(image_id) is not None

    def image(self, image_id: str) -> ImageRow | None:
        """One of the workspace's X-rays; None where there is none of this name."""
        row = self.store.roster.row_of(image_id)
        return self.images([row])[0] if row is not None else None

    def path_of(self, image_id: str) -> str | None:
        """Its file, relative to the dataset's images; "" where it is drawn, None where there is no such X-ray."""
        row = self.store.roster.row_of(image_id)
        return self.store.path(row) if row is not None else None

    def images(
        self, rows: Sequence[int] | np.ndarray, activations: Sequence[float] | np.ndarray = ()
    ) -> list[ImageRow]:
        """X-rays by their row in the store, in the order given; with a feature's activations, where given."""
        texts, roster = self.store.texts(rows), self.store.roster
        values = activations if len(activations) else [None] * len(rows)
        return [image_row(roster, int(row), texts[int(row)], value) for row, value in zip(rows, values, strict=True)]

    def unseen_images(self, count: int, page: int = 0) -> list[ImageRow]:
        """X-rays of the test split, one a patient, another ``count`` for each ``page`` (starts again at the end)."""
        if self._unseen is None:
            rows = np.flatnonzero(self.store.roster.split.where("test"))
            self._unseen = [int(row) for row in rows[self.store.roster.first_of_patients(rows)]]
        rows = self._unseen
        picked = [rows[(page * count + i) % len(rows)] for i in range(min(count, len(rows)))]
        return self.images(picked)

    def top_images(
        self, feature_id: int, band: str, count: int, between: tuple[float, float] | None = None
    ) -> tuple[list[ImageRow], float]:
        """Training X-rays of one band or interval of a feature's activation, one a patient, strongest first; and the
        milliseconds that the queries took when they ran."""
        return self._top_kept(feature_id, band, count, between)

    def _top_images(
        self, feature_id: int, band: str, count: int, between: tuple[float, float] | None
    ) -> tuple[list[ImageRow], float]:
        began = time.perf_counter()
        # Its page needs all of them anyway.
        firing = self.evidence(feature_id).all_rows
        found = self.store.top_images(feature_id, count, split="train", band=band, interval=between, firing=firing)
        return self.images(found.rows, found.activations), _ms(began)

    def by_direction(self, mix: Mix, count: int) -> tuple[list[ImageRow], float]:
        """X-rays of any split that a combination of features ranks highest, one a patient, with their score; milliseconds."""
        began = time.perf_counter()
        found = self._directions.strongest(mix, {f: self.row(f).max for f in mix.weights}, count)
        images = self.images([row for row, _ in found], [score for _, score in found])
        return images, _ms(began)

    def sample_images(self, feature_ids: Sequence[int], count: int) -> dict[int, list[str]]:
        """Names of the strongest training X-rays of several features, one a patient."""
        with self._lock:
            kept = {one: self._samples.get((one, count)) for one in feature_ids}
        missing = [one for one, images in kept.items() if images is None]
        if missing:
            name_of = self.store.roster.name_of
            found = self.store.top_images_of(missing, count, split="train")
            asked = {one: [name_of(int(row)) for row in found[one].rows] for one in missing}
            with self._lock:
                self._samples.update({(one, count): images for one, images in asked.items()})
            kept |= asked
        return {one: list(images) for one, images in kept.items() if images is not None}

    def active_features(self, image_id: str) -> list[ActiveFeature]:
        """Every feature that is active on one of the workspace's X-rays, as the rule orders them; none for an unknown name."""
        row = self.store.roster.row_of(image_id)
        if row is None:
            return []
        catalogue = self.catalogue
        found = [ActiveFeature(catalogue.row(i), value) for i, value in self.store.features_of_row(row)]
        # As the active rule orders them; where every threshold is 0 the activation decides.
        return sorted(found, key=lambda one: -one.activation / max(one.row.threshold, 1e-6))

    def of_patient(self, image_id: str) -> list[ImageRow]:
        """The patient's other X-rays in this workspace, in the order of the listing."""
        roster = self.store.roster
        row = roster.row_of(image_id)
        if row is None:
            return []
        rows = np.flatnonzero(roster.patient.codes == roster.patient.codes[row])
        return self.images(rows[rows != row][:MOST_OF_PATIENT])

    def similar_images(self, image_id: str, count: int) -> list[tuple[ImageRow, float]]:
        """X-rays of other patients with the most similar embedding, and the cosine; none where there is no index yet."""
        roster = self.store.roster
        row = roster.row_of(image_id)
        if row is None or not self.workspace.faiss_index.exists() or not self.workspace.embeddings.exists():
            return []
        found = self._nearest(row)
        others = [(one, cosine) for one, cosine in found if roster.patient.codes[one] != roster.patient.codes[row]]
        rows = np.array([one for one, _ in others], dtype=np.int64)
        first = roster.first_of_patients(rows)[:count]
        images = self.images(rows[first])
        return [(image, others[int(place)][1]) for image, place in zip(images, first, strict=True)]

    def _search(self, row: int) -> list[tuple[int, float]]:
        vector = np.load(self.workspace.embeddings, mmap_mode="r")[row].astype(np.float32)
        return self._index().search(vector, SEARCHED)

    def _index(self) -> ImageIndex:
        with self._lock:
            if self._similar is None:
                self._similar = ImageIndex(self.workspace.faiss_index)
            return self._similar

    def evidence_phrases(self, row: FeatureRow, image: ImageRow) -> Sequence[str]:
        """Words of an X-ray's report that say what the feature's description says."""
        if not row.finding:
            return [term for term in row.terms if term in image.report.lower()]
        return phrases_of(image.report, row.finding, row.side)

    def score_cases(self, feature_id: int, count: int, split: str = READS) -> tuple[Cases, dict[int, ImageRow]]:
        """On which unseen X-rays a feature's words are right and wrong, all of them, and ``count`` of each kind as rows."""
        found = self.scores.cases(feature_id, self.text(feature_id), split)
        shown: list[Case] = [one for kind in found for one in kind[:count]]
        images = self.images([one.row for one in shown], [one.activation for one in shown])
        return found, {one.row: image for one, image in zip(shown, images, strict=True)}

    # -- what readers wrote

    @property
    def notices(self) -> list[str]:
        """What a person should know about the curation files since they were opened, in sentences."""
        return self.curation.notices

    def state(self, feature_id: int) -> FeatureState:
        """Everything that readers said about a feature and that counts."""
        return self.curation.state(feature_id)

    def worth(self) -> Worth:
        """What makes features worth a curator's time: how often they fire, how many reports rest on them once that is counted
        (see `impact`), the program's score of their descriptions where it has one, and rejected sentences that rested on them."""
        use = self.impact.use
        complaints = {i: len(one.unanswered) for i, one in self.curation.snapshot().all().items() if one.unanswered}
        return Worth(
            self._catalogue.values("frequency"),
            {} if use is None else use.shares(),
            self._catalogue.values("score"),
            complaints,
        )

    def value_queue(self, wanted: QueueFilter | None = None, query: FeatureQuery | None = None) -> list[Queued]:
        """The features to curate, the most valuable first; ``query`` narrows them by text, finding, side and so on.

        The first call has the reports of a sample counted beside; until that is done, use counts as 1 for all.
        """
        self.impact.count_beside()
        today = datetime.now(UTC).date().isoformat()
        return self._queue_kept(wanted or QueueFilter(), query, self.revision, today, self.impact.use)

    def _queue(
        self, wanted: QueueFilter, query: FeatureQuery | None, revision: int, today: str, use: ReportUse | None
    ) -> list[Queued]:
        if query is not None:
            fits = frozenset(int(i) for i in self.catalogue.find(query))
            wanted = replace(wanted, among=fits if wanted.among is None else wanted.among & fits)
        return queue_by_value(self.worth(), self.curation.snapshot(), wanted, today)

    def detection(self, feature_id: int, seed: int) -> list[tuple[ImageRow, bool]]:
        """X-rays of a detection test, and whether the feature fires; SaeRadError where it can't be tested."""
        items = draw(self.store, feature_id, seed)
        images = self.images([one.row for one in items])
        return [(image, one.fires) for image, one in zip(images, items, strict=True)]

    def history(self, feature_id: int) -> list[Edit]:
        """Every act that changed what counts for a feature, oldest first."""
        if feature_id not in self.curation.snapshot():
            return []  # Most features, without a question to the database.
        return edits([one for one in self.curation.history(feature_id) if ours(one, self.curation.sae)])

    def export(self, form: str, features: Sequence[int] | None = None, pictures: int = 0) -> tuple[str, str, bytes]:
        """What is said of the features as a file: (name, media type, bytes).

        Args:
            form: a key of saerad_core.exchange.FORMATS: csv, parquet, jsonl, neuronpedia or html.
            features: only these, in this order; None: all that have words.
            pictures: X-rays of each feature in an html packet.
        """
        kind = FORMATS[form]
        found = collect(self.workspace, self.curation, self.store, features, pictures, self.scores.exported)
        return f"{self.workspace.root.name}-curation{kind.suffix}", kind.mime, kind.write(found)

    # -- the map and the figures

    def atlas(self) -> AtlasPoints | None:
        """Where the features lie; None while the map is still being drawn."""
        path = self.workspace.atlas_file
        if not path.exists():
            return None
        revision = self.revision
        with self._lock:
            kept = self._atlas
        if kept is not None and kept[0] == revision:
            return kept[1]
        places = pd.read_parquet(path).set_index("feature_id")
        ids, finding, text = self.catalogue.texts()
        on_map = np.isin(ids, places.index.to_numpy())
        ids, finding, text = ids[on_map], finding[on_map], text[on_map]
        points = AtlasPoints(
            ids.astype(np.int32),
            places.loc[ids, "x"].to_numpy(dtype=np.float32),
            places.loc[ids, "y"].to_numpy(dtype=np.float32),
            finding,
            text,
        )
        with self._lock:
            self._atlas = (revision, points)
        return points

    def evaluation(self) -> dict[str, Any] | None:
        """The figures of `python -m saerad_core evaluate`; None where it hasn't run."""
        return self._figures("evaluation.json")

    def sae_report(self) -> dict[str, Any] | None:
        """The figures of `python -m saerad_core sae-report`; None where it hasn't run."""
        return self._figures("sae-report.json")

    def frontier(self) -> dict[str, Any] | None:
        """The figures of `python -m saerad_core train --sweep`; None where none has ended."""
        return self._figures("frontier.json")

    def sweep_state(self) -> State | None:
        """Where the latest sweep is; None where there was none."""
        return read_state(self.workspace.sweep_file)

    def _figures(self, name: str) -> dict[str, Any] | None:
        try:
            return json.loads((self.workspace.root / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def trainings(self) -> dict[str, list[dict[str, Any]]]:
        """Lines of every SAE training of the workspace, by its name; one that runs grows from call to call."""
        folder = self.workspace.runs_dir
        runs = {
            str(path.relative_to(folder).with_suffix("")): read_run(path) for path in sorted(folder.rglob("*.jsonl"))
        }
        return {name: lines for name, lines in runs.items() if lines}

    def training_written(self, name: str) -> float:
        """When the course of a training was last added to (Unix time)."""
        try:
            return (self.workspace.runs_dir / f"{name}.jsonl").stat().st_mtime
        except OSError:
            return 0.0


@lru_cache(maxsize=8_192)
def phrases_of(report: str, finding: str, side: str = "", present: bool = True) -> tuple[str, ...]:
    """How a report words a finding, where it states that it is there (or, with ``present`` False, that it isn't)."""
    found: list[str] = []
    for sentence in parse_statements(report, about=finding):
        stated = (s for s in sentence.statements if s.finding == finding and s.present == present)
        if any(not side or s.side in (side, "") for s in stated):
            said = [m for m in find_mentions(sentence.text.lower()) if m.key == finding]
            found += [sentence.text[m.start : m.end] for m in said]
    return tuple(found)


def _kept(ask: Callable[P, T], most: int = KEPT) -> Callable[P, T]:
    """The function, with its last answers kept. Two threads that ask for the same missing one both work it out."""
    return cached(LRUCache(most), lock=threading.Lock())(ask)


def _ms(began: float) -> float:
    return (time.perf_counter() - began) * 1000
