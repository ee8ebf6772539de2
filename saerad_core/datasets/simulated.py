"""Simulated chest radiographs: drawn when asked for, with their truth."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from saerad_core.datasets.base import Record
from saerad_core.datasets.splits import draw_split
from saerad_core.demo.population import patient_studies
from saerad_core.demo.render import render
from saerad_core.demo.study import Study
from saerad_core.demo.wording import write_report
from saerad_core.errors import DatasetError
from saerad_core.vocabulary import Statement, concept_of
from saerad_core.workspace import DatasetInfo

SIZE = 256
"""Pixels along a side of what the encoder sees."""


class SimulatedDataset:
    """The studies of a simulated population; options: seed, patients."""

    def __init__(self, info: DatasetInfo) -> None:
        self.info = info
        try:
            self._seed, self._patients = int(info.options["seed"]), int(info.options["patients"])
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                "A simulated dataset needs a seed and a number of patients; build the demo again."
            ) from error
        self.funnel: dict[str, int] = {}

    @cached_property
    def _studies(self) -> dict[str, Study]:
        studies = [study for index in range(self._patients) for study in patient_studies(self._seed, index)]
        self.funnel = {"simulated patients": self._patients, "simulated X-rays": len(studies)}
        return {study.study_id: study for study in studies}

    def __len__(self) -> int:
        return len(self._studies)

    def records(self) -> Iterator[Record]:
        """Every study's record, its report written and its truth attached."""
        for study in self._studies.values():
            yield self._record(study)

    def _record(self, study: Study) -> Record:
        report = write_report(study)
        facts = tuple(Statement(f.finding, f.side, f.place, f.severity) for f in study.findings)
        return Record(
            image_id=study.study_id,
            study_id=study.study_id,
            patient_id=study.patient_id,
            split=draw_split(study.patient_id, self._seed),
            view=study.view,
            sex=study.sex,
            age=min(study.age, 90),
            labels=tuple(dict.fromkeys(concept_of(f.fact) for f in study.findings)),
            indication=report.indication,
            findings=report.findings,
            impression=report.impression,
            facts=facts,
        )

    def study(self, image_id: str) -> Study:
        """The simulated study behind an X-ray: its anatomy and findings, from which it can be drawn without one.

        Raises:
            DatasetError: there is no such X-ray.
        """
        # From the name alone: one X-ray is looked at far more often than all of them.
        parts = image_id.rsplit("-", 1)
        prefix, dash, index = parts[0].partition("-")
        if (
            len(parts) == 2
            and dash
            and index.isdecimal()
            and int(index) < self._patients
            and prefix == f"S{self._seed:02d}"
        ):
            for study in patient_studies(self._seed, int(index)):
                if study.study_id == image_id:
                    return study
        raise DatasetError(f"There is no X-ray {image_id[:40]!r} in this simulated population.")

    def pixels(self, record: Record) -> np.ndarray:
        """float32 [256, 256]."""
        return render(self.study(record.image_id), size=SIZE).pixels

    def picture(self, image_id: str, size: int = 512) -> np.ndarray:
        """float32 [size, size]."""
        return render(self.study(image_id), size=size).pixels
