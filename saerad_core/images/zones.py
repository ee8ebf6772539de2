"""Where at a picture's border a mark is (see marks.py, whose scipy pages needn't load)."""

ZONES = ("top left", "top", "top right", "left", "right", "bottom left", "bottom", "bottom right")
"""The outer cells of the picture cut in thirds both ways, by rows; the middle is the chest's. Bit i of a set of zones is ZONES[i]."""
