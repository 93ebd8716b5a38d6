from dataclasses import replace

import numpy as np
import pytest
from comparisons import example

from ipvae_brian import plotting


def bars(ax):
    """Ends of the thick bars, by row."""
    return {
        int(line.get_ydata()[0]): tuple(line.get_xdata())
        for line in ax.lines
        if line.get_linewidth() == 6
    }


def test_a_long_title_is_whole():
    found = replace(
        example()["circular_variance"], title="Coefficient of variation " * 4, unit="ms"
    )
    ax = plotting.plot_property(found)
    figure = ax.get_figure()
    figure.canvas.draw()
    label = ax.xaxis.label
    assert label.get_text().split() == f"{found.title} (ms)".split()
    box = label.get_window_extent()
    assert 0 <= box.x0 and box.x1 <= figure.bbox.width


def test_rows_are_model_and_laboratories():
    found = example()["circular_variance"]
    ax = plotting.plot_property(found)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[:2] == ["model, shipped", "model, preset"]
    assert labels[2:] == ["Ringach 2002\nanaesthetised", "Ecker 2010\nawake", "mine.nwb"]
    drawn = bars(ax)
    np.testing.assert_allclose(drawn[0], np.percentile(found.shipped.model.values, (25, 75)))
    np.testing.assert_allclose(drawn[2], (0.34, 0.78))
    dots = {
        line.get_ydata()[0]: line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"
    }
    assert dots[2] == 0.61 and dots[0] == pytest.approx(found.shipped.model.median)
    low, high = ax.get_xlim()
    assert low < 0.01 and high > 1.5 * 0.83
    # The spread of laboratories is shaded.
    (shade,) = [p for p in ax.patches if p.get_zorder() == 0]
    assert shade.get_extents().transformed(ax.transData.inverted()).intervalx == pytest.approx(
        (0.34, 0.83)
    )
    assert ax.get_xlabel() == "Circular variance of orientation"


def test_what_is_known_as_a_spread_only():
    ax = plotting.plot_property(example()["onset_quenching"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Churchland 2010"]
    assert bars(ax) == {0: (0, 100)} and ax.get_xlabel().endswith("(%)")


def test_few_units_are_drawn_one_by_one():
    found = example()["direction_selectivity"]
    model = replace(found.shipped.model, values=np.array([0.1, 0.2, 0.3]))
    ax = plotting.plot_property(replace(found, shipped=replace(found.shipped, model=model)))
    (ticks,) = ax.collections
    assert sorted(path.vertices[0, 0] for path in ticks.get_paths()) == [0.1, 0.2, 0.3]


def test_what_cannot_be_drawn():
    with pytest.raises(TypeError, match="found must be a Property, got str"):
        plotting.plot_property("fano_factor")
    nothing = replace(example()["onset_quenching"], biology=())
    with pytest.raises(ValueError, match="nothing is known of onset_quenching"):
        plotting.plot_property(nothing)
    with pytest.raises(TypeError, match="curve must be a Curve, got int"):
        plotting.plot_curve(3)


def test_curves_have_their_labels():
    (curve,) = example().curves
    ax = plotting.plot_curve(curve)
    assert [line.get_label() for line in ax.lines] == ["shipped", "preset"]
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), curve.lines[1][2])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Contrast", "Rate (Hz)")
