"""Runs in RadEval's own Python: reads {"metrics", "texts"} from the standard input and writes figures; imports nothing of this program."""

import json
import sys
from numbers import Real


def main() -> None:
    asked = json.load(sys.stdin)
    figures, missing = {way: {} for way in asked["texts"]}, {}
    for key in asked["metrics"]:
        try:
            from radeval import RadEval  # type: ignore[import-not-found]

            evaluator = RadEval(metrics=[key])
            for way, pairs in asked["texts"].items():
                found = evaluator(refs=[reference for _, reference in pairs], hyps=[text for text, _ in pairs])
                figures[way] |= {name: float(value) for name, value in found.items() if isinstance(value, Real)}
        except Exception as error:  # noqa: BLE001 - another program's: whatever it fails with is named, and the next metric is tried
            said = " ".join(str(error).split()).partition(". ")[0].rstrip(".")
            missing[key] = f"{type(error).__name__}: {said[:160]}"
    sys.stdout.write("\n@saerad " + json.dumps({"figures": figures, "missing": missing}))


main()
