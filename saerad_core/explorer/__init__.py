"""What pages ask of a workspace: one reader over the store, the readers' edits, the map and the evaluation."""

from saerad_core.explorer.confounders import Confounder
from saerad_core.explorer.direction import Mix, parse_mix
from saerad_core.explorer.labels import Association, Share
from saerad_core.explorer.reader import Explorer, phrases_of
from saerad_core.explorer.rows import (
    SORTS,
    STATUSES,
    ActiveFeature,
    AtlasPoints,
    Bin,
    Edit,
    FeatureDetail,
    FeatureQuery,
    FeatureRow,
    ImageRow,
    LabelScore,
    Listing,
    Neighbour,
)
from saerad_core.explorer.where import HeatTruth, Where
from saerad_core.store.activations import BANDS

__all__ = [
    "BANDS",
    "SORTS",
    "STATUSES",
    "ActiveFeature",
    "Association",
    "AtlasPoints",
    "Bin",
    "Confounder",
    "Edit",
    "Explorer",
    "FeatureDetail",
    "FeatureQuery",
    "FeatureRow",
    "HeatTruth",
    "ImageRow",
    "LabelScore",
    "Listing",
    "Mix",
    "Neighbour",
    "Share",
    "Where",
    "parse_mix",
    "phrases_of",
]
