"""Where on an X-ray a feature looks, and whether that is true (docs/heatmaps.md). Pages read ``file`` and ``truth``, which need no torch."""
