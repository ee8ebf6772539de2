"""How wide a dictionary so many patients support."""

from __future__ import annotations


def recommended_width(patients: int, tokens: str) -> int:
    """Features; wider dictionaries overfit (cls) or die.

    Measured on 1,000 NIH X-rays with DINOv2-small, held-out patients: a CLS dictionary 256 wide explains .851 of the
    variance, 768 wide .840, 4,096 wide .816 with 68% of its features dead. Patches are many more tokens an X-ray and bear
    four times the width. The steps above that size are judgement, not measurement.
    """
    if tokens == "cls":
        return 256 if patients < 3_000 else 2_048 if patients < 50_000 else 49_152
    return 1_024 if patients < 3_000 else 4_096 if patients < 50_000 else 49_152
