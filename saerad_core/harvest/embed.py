"""Squares to the arrays of a shard: the same batches whoever computes them, so that the same bits come out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import numpy as np
import torch

from saerad_core.encoder import Embedded, Encoder, pooled
from saerad_core.harvest.settings import KEEP_ALL, KEEP_CODES, KEEP_SAMPLE, HarvestSettings
from saerad_core.harvest.worker import Loaded
from saerad_core.sae.image_code import ImageReader
from saerad_core.sae.strongest_patches import Entries, strongest

T = TypeVar("T")
FIRING = ("firing_features", "firing_rows", "firing_places", "firing_values")
"""Arrays of strongest_patches.Entries, X-rays counted from 0 in each shard; not an entry an X-ray."""


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """``items`` in lists of ``size``, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def arrays_of(
    loaded: list[Loaded], ids: list[str], encoder: Encoder, settings: HarvestSettings, reader: ImageReader | None
) -> dict[str, np.ndarray]:
    """pooled [n, 2d], tokens [n, t, d] (CLS, or the measured patches), and codes with error [n, 2], or patches [n, P, d] with cls [n, 1, d].

    Codes are compressed sparse rows: code_counts int32 [n], code_features int32 and code_values float16, one a code > 0. With settings.strongest also
    FIRING: where features fire on their strongest X-rays of these. Where markers were looked for also markers uint8 [n].

    Args:
        loaded: what decoders gave.
        ids: their image_id, which draw the patches that are kept.
        encoder: with what.
        settings: what is kept.
        reader: needed where codes are.
    """
    parts: list[dict[str, np.ndarray]] = []
    for some in batched(zip(loaded, ids, strict=True), settings.batch):
        embedded = encoder.embed(encoder.normalise(np.stack([one.square for one, _ in some])), patches=True)
        parts.append(_kept(embedded, [name for _, name in some], settings, reader))
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}
    if FIRING[0] in arrays:
        sizes = [len(part["pooled"]) for part in parts]
        firsts = np.repeat(np.cumsum([0, *sizes[:-1]]), [len(part[FIRING[1]]) for part in parts])
        arrays[FIRING[1]] = (arrays[FIRING[1]] + firsts).astype(np.int32)
        kept = strongest(Entries(*(arrays[name] for name in FIRING)))
        arrays |= dict(zip(FIRING, kept, strict=True))
    zones = [one.zones for one in loaded if one.zones is not None]
    if arrays and len(zones) == len(loaded):
        arrays["markers"] = np.array(zones, dtype=np.uint8)
    return arrays


@torch.no_grad()
def _kept(
    embedded: Embedded, ids: list[str], settings: HarvestSettings, reader: ImageReader | None
) -> dict[str, np.ndarray]:
    assert embedded.patches is not None
    arrays = {"pooled": pooled(embedded)}
    if settings.tokens == "patch":
        arrays["tokens"] = _drawn(embedded.patches, ids, settings.measured, settings.seed)
        if settings.keep == KEEP_ALL:
            arrays["patches"] = embedded.patches
            arrays["cls"] = embedded.cls[:, None]
        elif settings.keep == KEEP_SAMPLE:
            arrays["patches"] = _drawn(embedded.patches, ids, settings.sampled, settings.seed)
    else:
        arrays["tokens"] = embedded.cls[:, None]
    found = {name: value.cpu().numpy().astype(np.float16) for name, value in arrays.items()}
    if settings.keep == KEEP_CODES:
        assert reader is not None
        read = reader.read(embedded, keep_patches=settings.strongest and settings.tokens == "patch")
        if read.patches is not None:
            found |= dict(zip(FIRING, read.patches, strict=True))
        found |= {
            name: getattr(read.code, kept) for name, kept in (("code_features", "indices"), ("code_values", "values"))
        }
        found |= {"code_counts": np.diff(read.code.indptr).astype(np.int32), "error": read.error}
    return found


def _drawn(patches: torch.Tensor, ids: list[str], count: int, seed: int) -> torch.Tensor:
    """``count`` patches of each X-ray, drawn from its name and the seed: the same ones in any run and on any machine."""
    total = patches.shape[1]
    count = min(count, total)
    rows = np.empty((len(ids), count), dtype=np.int64)
    for row, name in zip(rows, ids, strict=True):
        digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
        row[:] = np.sort(np.random.default_rng(int.from_bytes(digest)).permutation(total)[:count])
    index = torch.from_numpy(rows).to(patches.device)
    return torch.gather(patches, 1, index[:, :, None].expand(-1, -1, patches.shape[2]))
