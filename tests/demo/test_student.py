"""The demo's encoder before training: it answers as its teacher's first layers do, and can be written and read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from saerad_core.demo.phrases import PhraseSettings, affirmed, phrase_matrix
from saerad_core.demo.student import random_student, save_student, student_from_teacher
from saerad_core.demo.study import ReportText
from saerad_core.demo.train_encoder import TrainingSettings, augment, checkpoint_name
from saerad_core.encoder import Encoder

TEACHER = Path(__file__).resolve().parents[3] / "shared" / "models" / "dinov2-small"


def test_the_students_start_answers_as_the_teachers_first_layers() -> None:
    if not TEACHER.exists():
        pytest.skip("needs ../shared/models/dinov2-small")
    from transformers import Dinov2Model

    teacher = Dinov2Model.from_pretrained(TEACHER, local_files_only=True).float().eval()
    student = student_from_teacher(TEACHER, layers=2)
    x = torch.linspace(0, 1, 256)
    picture = (0.5 + 0.3 * torch.sin(9 * x)[:, None] * torch.cos(7 * x)[None])[None, None]
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    small = torch.nn.functional.interpolate(picture, size=(224, 224), mode="bicubic", antialias=True)
    with torch.no_grad():
        theirs = teacher((small.expand(-1, 3, -1, -1) - mean) / std, output_hidden_states=True).hidden_states[2]
        ours = student((picture - 0.5) / 0.25, output_hidden_states=True).hidden_states[2]
    cosine = torch.nn.functional.cosine_similarity(theirs, ours, dim=-1)
    assert float(cosine.mean()) > 0.98
    random = random_student(2)
    with torch.no_grad():
        other = random((picture - 0.5) / 0.25, output_hidden_states=True).hidden_states[2]
    assert float(torch.nn.functional.cosine_similarity(theirs, other, dim=-1).mean()) < 0.5


def test_a_saved_student_is_an_encoder(tmp_path) -> None:
    model = random_student(1)
    save_student(model, tmp_path / "encoder")
    encoder = Encoder.load(tmp_path / "encoder")
    pixels = np.random.default_rng(0).random((256, 256), dtype=np.float32)
    with torch.no_grad():
        direct = model((torch.from_numpy(pixels)[None, None] - 0.5) / 0.25).last_hidden_state
    torch.testing.assert_close(encoder.embed(encoder.preprocess([pixels])).cls, direct[:, 0], atol=2e-2, rtol=2e-2)
    assert (encoder.patch_grid, encoder.image_size, encoder.channels) == (16, 256, 1)


def test_augmentation_never_mirrors() -> None:
    images = torch.zeros(64, 1, 64, 64)
    images[:, :, 24:40, 6:20] = 0.8
    turned = augment(images, torch.Generator().manual_seed(0))
    columns = torch.arange(64.0)
    ink = turned.clamp_min(0) * (turned > 0.4)
    centre = (ink * columns).sum((1, 2, 3)) / ink.sum((1, 2, 3))
    assert float(centre.max()) < 32


def test_only_affirmed_phrases_count() -> None:
    report = ReportText(
        "Cough.", "There is a left pleural effusion. No pneumothorax. The heart is not enlarged.", "Left effusion."
    )
    assert "left pleural effusion" in affirmed(report)
    assert "pneumothorax" not in affirmed(report) and "heart" not in affirmed(report)


def test_the_phrase_matrix_marks_each_reports_own_phrases() -> None:
    texts = ["Left pleural effusion.", "Right apical mass.", "Left pleural effusion and mass.", "Lungs are clear."]
    matrix, names = phrase_matrix(
        [ReportText("", text, "") for text in texts], PhraseSettings(min_share=0.01, max_share=0.9)
    )
    column = names.index("pleural effusion")
    assert matrix[:, column].tolist() == [True, False, True, False]
    assert matrix[3].sum() == 0


def test_a_run_goes_on_only_from_a_checkpoint_of_its_own_plan() -> None:
    plan = TrainingSettings(steps=640)
    assert checkpoint_name(plan, None) == checkpoint_name(replace(plan, stop=400), None)
    assert checkpoint_name(plan, None) != checkpoint_name(replace(plan, steps=800), None)
    assert checkpoint_name(plan, None) != checkpoint_name(plan, Path("earlier.safetensors"))
