"""Explanations as Neuronpedia's exports have them: one object a feature with modelId, layer, index and description."""

from __future__ import annotations

import json
from pathlib import Path

from saerad_core.exchange.table import Export

TYPE = "saerad"
"""typeName: how the explanation was made."""


def write(export: Export) -> bytes:
    """A JSON array of explanations, those in words that count: a person's, else the program's. Rejected ones are left out.

    modelId, layer, index (text), description, typeName and explanationModelName are Neuronpedia's keys; the others are ours.
    """
    manifest = export.workspace.manifest
    name = manifest.encoder.id
    model = Path(name).name if Path(name).is_absolute() else name
    explanations = []
    for line in export.features:
        text = line["text"] or line["machine_text"]
        if not text or line["status"] == "rejected":
            continue
        explanations.append(
            {
                "modelId": model,
                "layer": f"{manifest.sae.tokens}-{manifest.sae.architecture}-{manifest.sae.width}",
                "index": str(line["feature_id"]),
                "description": text,
                "typeName": TYPE,
                "explanationModelName": "human" if line["text"] else "saerad-contrast",
                "author": line["author"],
                "status": line["status"],
                "scores": [
                    {"typeName": one["test"], "by": one["by"], "value": one["value"], "n": one["n"]}
                    for one in line["scores"]
                ],
                "notice": line["notice"],
            }
        )
    return (json.dumps(explanations, ensure_ascii=False, indent=1) + "\n").encode()
