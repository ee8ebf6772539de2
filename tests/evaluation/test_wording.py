import numpy as np
import pytest

from saerad_core.evaluation.wording import by_certainty
from saerad_core.vocabulary import Fact

EFFUSION = Fact("pleural_effusion", "right")


def test_counts_each_word_apart():
    texts = [
        "There is a right pleural effusion.",
        "There is a right pleural effusion.",
        "Possible left pleural effusion.",
    ]
    truth = [{EFFUSION}, {Fact("pleural_effusion", "left")}, {Fact("pleural_effusion", "left")}]
    found = by_certainty(texts, truth, np.array(["a", "b", "c"]))
    assert found["certain"]["n"] == 2 and found["certain"]["precision"] == pytest.approx(0.5)
    assert found["certain"]["finding_precision"] == 1.0
    assert found["possible"] == {"n": 1, "precision": 1.0, "lo": 1.0, "hi": 1.0, "finding_precision": 1.0}
    assert found["likely"] == {"n": 0}
    assert found["certain"]["lo"] <= 0.5 <= found["certain"]["hi"]


def test_nothing_stated_is_no_fault():
    assert by_certainty(["", "No pleural effusion."], [set(), {EFFUSION}], np.array([0, 1]))["certain"] == {"n": 0}
