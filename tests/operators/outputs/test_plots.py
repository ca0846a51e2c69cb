"""Plots: labels are short plain text, counts are colored by their share of the row."""

import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.plots import count_map, curve, plot_label, shorten
from fiftyone.plugins.orgs.constellation.clusters.operators.outputs.training import training_output


@pytest.mark.parametrize(("text", "short"), [("abcd", "abcd"), ("abcde", "abc…"), ("", "")])
def test_shorten(text, short):
    assert shorten(text, 4) == short


def test_a_label_is_cut_first_and_escaped_then():
    assert plot_label("<b>&", 4) == "&lt;b&gt;&amp;"
    assert plot_label("<b>bold</b>", 4) == "&lt;b&gt;…"
    assert plot_label('it\'s "5"', 20) == 'it\'s "5"'


def test_counts_are_shares_of_their_row_and_an_empty_row_is_zero():
    trace = count_map([[3, 1], [0, 0]], "%{customdata}", numbers=True, showscale=False)
    assert trace["z"] == [[0.75, 0.25], [0, 0]] and trace["customdata"] == trace["text"] == [[3, 1], [0, 0]]
    assert trace["texttemplate"] == "%{text}" and trace["hovertemplate"] == "%{customdata}<extra></extra>"
    assert "texttemplate" not in count_map([[3, 1]], "", numbers=False)


def test_a_curve_is_plain_data():
    trace = curve("loss", range(3), (1.0, None, 0.5), yaxis="y2")
    assert trace["x"] == [0, 1, 2] and trace["y"] == [1.0, None, 0.5]
    assert (trace["type"], trace["mode"], trace["name"], trace["yaxis"]) == ("scatter", "lines", "loss", "y2")


def test_plots_in_dialogs_have_a_height():
    curve_of = {"epoch": 1, "stage": "training", "loss": 1.0, "agreement": 0.5}
    form = training_output({"name": "x", "loss_name": "loss", "curve": [curve_of]}).to_json()
    assert form["type"]["properties"]["curve"]["view"]["layout"]["height"] >= 300
