"""Figures that aren't checked when they are made are right all the same."""

from __future__ import annotations

import json

import plotly.graph_objects as go
import pytest

from saerad_core.explorer import Bin
from saerad_core.ui import charts
from saerad_core.ui.charts import histogram


@pytest.mark.parametrize("mark", [None, 1.25])
def test_the_histogram_is_a_figure_that_plotly_accepts(monkeypatch: pytest.MonkeyPatch, mark: float | None):
    monkeypatch.setattr(charts, "colours", lambda: charts._DARK)
    figure = histogram([Bin(0.5, 1.0, 7), Bin(1.0, 1.5, 2)], 0.5, (1.0, 1.5), mark)
    made = figure.to_dict()
    checked, sent = json.loads(go.Figure(made).to_json()), json.loads(figure.to_json())
    assert checked["layout"].pop("template") and sent["layout"].pop("template") == {}
    assert checked == sent
    assert list(made["data"][0]["y"]) == [7, 2]
    assert made["data"][0]["marker"]["color"] == [charts._DARK.bar, charts._DARK.accent]
    assert len(made["layout"]["shapes"]) == (1 if mark is None else 2)
    assert made["layout"]["xaxis"]["title"]["text"] == "activation"
