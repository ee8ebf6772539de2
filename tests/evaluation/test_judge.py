import json
import os
import sys

import numpy as np
import pytest

from saerad_core.evaluation.extras import EXTRAS
from saerad_core.evaluation.extras.with_radeval import METRICS
from saerad_core.evaluation.judge import Judge, judged, read_answer
from saerad_core.evaluation.measures import Told
from saerad_core.evaluation.measures.statements import entails, statements_of


class RulesAsModel:
    """Answers as the rules would, sometimes in an odd form."""

    name = "rules"

    def __init__(self, spoil: str = "") -> None:
        self.asked, self.spoil = 0, spoil

    async def stream(self, messages, most_tokens):
        self.asked += 1
        data = json.loads(messages[1].content)
        said = statements_of(data["reference"])
        answer = json.dumps([all(entails(said, s) for s in statements_of(one)) for one in data["sentences"]])
        for piece in ("Sure: ", self.spoil or answer):
            yield piece


TOLD = {
    "ours": Told(["Right pleural effusion. No pneumothorax.", "There is a pacemaker."], ["Right pleural effusion.", "No pacemaker."], [set(), set()]),
    "other": Told(["Left pleural effusion.", "No pacemaker."], ["Right pleural effusion.", "No pacemaker."], [set(), set()]),
}  # fmt: skip


def test_verdicts_are_counted_and_kept(tmp_path):
    model = RulesAsModel()
    found = judged(Judge(model, tmp_path / "kept.jsonl"), TOLD, np.array([0, 1]), "ours")
    assert found["n_images"] == 2 and found["model"] == "rules" and found["unjudged"] == 0
    assert found["figures"]["ours"]["precision"]["value"] == pytest.approx(1 / 3, abs=1e-5)
    assert found["figures"]["ours"]["recall"]["value"] == 0.5 and found["figures"]["other"]["f1"]["value"] == 0.5
    asked = model.asked
    assert judged(Judge(model, tmp_path / "kept.jsonl"), TOLD, np.array([0, 1]), "ours") == found
    assert model.asked == asked
    assert "effusion" not in (tmp_path / "kept.jsonl").read_text()


@pytest.mark.parametrize("spoil", ["[true, 1]", "[]", "yes", '["a", "b"]', "[true", "[[true, true]]"])
def test_an_answer_that_is_no_list_of_verdicts_counts_as_none(tmp_path, spoil):
    found = judged(Judge(RulesAsModel(spoil), tmp_path / "kept.jsonl"), TOLD, np.array([0, 1]), "ours")
    assert found["n_images"] == 0 and found["unjudged"] == 2
    assert found["figures"]["ours"]["f1"]["value"] is None


def test_answers():
    assert read_answer("Here: [true, false].", 2) == [True, False]
    assert read_answer("[true, false, true]", 2) is None and read_answer("", 0) is None


def test_radeval_says_what_is_missing_and_fetches_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("SAERAD_RADEVAL_PYTHON", str(tmp_path / "nowhere"))
    found = EXTRAS["radeval"](TOLD)
    assert set(found["missing"]) == set(METRICS) and found["figures"] == {"ours": {}, "other": {}}
    assert all(sentence.endswith(".") and "SAERAD_RADEVAL_PYTHON" in sentence for sentence in found["missing"].values())
    monkeypatch.delenv("SAERAD_RADEVAL_PYTHON")
    # A stand-in for the package: two of its metrics have their models, the others want to load theirs.
    (tmp_path / "radeval.py").write_text(
        "import os\n"
        "import numpy as np\n"
        "class RadEval:\n"
        "    def __init__(self, metrics):\n"
        "        assert os.environ['HF_HUB_OFFLINE'] == '1' and 'OPENAI_API_KEY' not in os.environ\n"
        "        if metrics[0] not in ('radgraph', 'bertscore'): raise OSError('no model')\n"
        "        self.key = metrics[0]\n"
        "    def __call__(self, refs, hyps):\n"
        "        open('answers.csv', 'w').close()\n"
        "        return {self.key: np.float32(sum(a == b for a, b in zip(refs, hyps)) / len(refs))}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAERAD_RADEVAL_PYTHON", os.path.relpath(sys.executable))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    found = EXTRAS["radeval"](TOLD)
    assert found["figures"]["other"] == {"radgraph": 0.5, "bertscore": 0.5}
    assert (
        set(found["missing"]) == {"f1chexbert", "green", "radcliq", "crimson"}
        and "no model" in found["missing"]["green"]
    )
    # What GREEN writes where it is run isn't left behind.
    assert not (tmp_path / "answers.csv").exists()
