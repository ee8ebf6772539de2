"""Which descriptions speak in reports: those that hold on validation patients."""

from __future__ import annotations

import hashlib
import threading
from functools import cached_property

from saerad_core.descriptions.claims import claims_of
from saerad_core.descriptions.judge import LEAST
from saerad_core.descriptions.unseen import Unseen
from saerad_core.errors import WorkspaceError
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation.store import sae_id
from saerad_core.store.said import Said
from saerad_core.store.scores import SPLITS, load_scores
from saerad_core.workspace import Workspace

DECIDES = SPLITS[0]
"""The split on which it is decided; nothing of the test patients may reach a report."""


class Trust:
    """Answers for the program's texts from their scores, for a person's by scoring them when first asked. Safe to share between threads."""

    def __init__(self, workspace: Workspace, descriptions: dict[int, str], strict: bool = True) -> None:
        """Of a workspace and the program's texts; in one without scores (of an earlier version) every text speaks."""
        self._workspace, self._descriptions = workspace, descriptions
        scores = load_scores(workspace.scores_file, sae_id(workspace)) if strict else None
        self.known = scores is not None
        self._lock = threading.Lock()
        self._said: dict[tuple[int, str], bool] = {}
        self._digest = ""
        if scores is not None:
            holds = (scores[f"{DECIDES}_lo"] > LEAST).to_numpy()
            for feature, text, good in zip(scores["feature_id"], scores["text"], holds, strict=True):
                if text:
                    self._said[int(feature), str(text)] = bool(good)
            self._digest = hashlib.sha256(repr(sorted(self._said.items())).encode()).hexdigest()

    def speaks(self, feature_id: int, text: str) -> bool:
        """Whether ``text`` of a feature holds on validation patients: its AUROC's interval stays above LEAST.

        A person's words that state nothing that reports name can't be tested; that person vouches for them.
        """
        if not self.known:
            return True
        with self._lock:
            kept = self._said.get((feature_id, text))
        if kept is not None:
            return kept
        if not claims_of(text).told:
            return text != self._descriptions.get(feature_id, "")
        unseen = self._unseen
        good = True if unseen is None else not unseen.score(feature_id, text, DECIDES).weak
        with self._lock:
            self._said[feature_id, text] = good
        return good

    @cached_property
    def _unseen(self) -> Unseen | None:
        try:
            said = Said.load(self._workspace.said_file)
        except WorkspaceError:
            return None
        return Unseen(ActivationStore(self._workspace.activations_db), said)

    @property
    def digest(self) -> str:
        """Names what is decided of the program's texts; "" where every text speaks."""
        return self._digest
