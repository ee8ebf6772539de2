"""A random BERT of a few thousand weights with a word list of its own: real files, no meaning."""

from __future__ import annotations

from pathlib import Path

WORDS = [
    "there",
    "is",
    "a",
    "no",
    "small",
    "large",
    "left",
    "right",
    "pleural",
    "effusion",
    "nodule",
    "heart",
    "rib",
    "fracture",
    "disc",
    "in",
    "the",
    "upper",
    "lower",
    "zone",
    "of",
]


def make_tiny_bert(folder: Path, seed: int = 0) -> Path:
    """Write configuration, tokenizer and safetensors to ``folder``."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder.mkdir(parents=True)
    vocabulary = folder / "vocab.txt"
    letters = [letter for one in "abcdefghijklmnopqrstuvwxyz" for letter in (one, f"##{one}")]
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters]) + "\n")
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=5 + len(WORDS) + len(letters), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=300,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    BertTokenizer(str(vocabulary)).save_pretrained(folder)
    return folder
