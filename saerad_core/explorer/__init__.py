"""What pages ask of a workspace: one reader over the store, the readers' edits, the map and the evaluation."""

from saerad_core.explorer.reader import Explorer, phrases_of
from saerad_core.explorer.rows import (
    SORTS,
    STATUSES,
    AtlasPoints,
    Bin,
    Conflict,
    Edit,
    FeatureDetail,
    FeatureQuery,
    FeatureRow,
    ImageRow,
    LabelScore,
    Listing,
    Neighbour,
)
from saerad_core.store.activations import BANDS

__all__ = [
    "BANDS",
    "SORTS",
    "STATUSES",
    "AtlasPoints",
    "Bin",
    "Conflict",
    "Edit",
    "Explorer",
    "FeatureDetail",
    "FeatureQuery",
    "FeatureRow",
    "ImageRow",
    "LabelScore",
    "Listing",
    "Neighbour",
    "phrases_of",
]
