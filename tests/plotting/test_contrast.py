import numpy as np
import pytest

from ipvae_brian import plotting
from ipvae_brian.physiology import cross_orientation

CONTRASTS = [0.1, 0.3, 1.0]


def test_lines_are_medians_of_relative_rates():
    rates = np.array([[1.0, 2, 0], [2, 6, 0], [4, 8, 0]])
    ax = plotting.plot_contrast_responses(CONTRASTS, {"all": rates, "control": rates[::-1]})
    first, control = ax.lines
    np.testing.assert_allclose(first.get_ydata(), [0.25, 0.625, 1])
    assert first.get_color() == control.get_color() and control.get_linestyle() == "--"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["all", "control"]
    assert ax.get_xscale() == "log"


def test_plaids_are_dots_with_their_median():
    plaids = cross_orientation([5, 10, 0], [10, 10, 0], [5, 0, 0])
    ax = plotting.plot_plaids({"all": plaids, "control": plaids})
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(dots[0].get_xdata(), [0.5, 1])
    bars = [line for line in ax.lines if line.get_linewidth() == 2]
    assert [bar.get_xdata()[0] for bar in bars] == [0.75, 0.75]
    assert dots[1].get_markerfacecolor() == "none"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["all", "control"]


def test_ratios_of_next_to_nothing_do_not_squeeze_the_others():
    plaids = cross_orientation([5, 10, 20], [10, 10, 0.004], [5, 0, 0])
    ax = plotting.plot_plaids({"all": plaids})
    assert plaids.to_best[2] == 5000 and ax.get_xlim() == (0, 3)
    far = [x for line in ax.lines if line.get_marker() == ">" for x in line.get_xdata()]
    assert far == [3]


def test_what_cannot_be_drawn():
    draw = plotting.plot_contrast_responses
    with pytest.raises(ValueError, match="contrasts must be above 0 and increase"):
        draw([0, 1], {"all": np.ones((2, 1))})
    with pytest.raises(TypeError, match="responses must be a dict"):
        draw(CONTRASTS, np.ones((3, 1)))
    with pytest.raises(ValueError, match=r"responses: all must have shape \(3, any\)"):
        draw(CONTRASTS, {"all": np.ones((2, 1))})
    with pytest.raises(ValueError, match="no neuron fires in all"):
        draw(CONTRASTS, {"all": np.zeros((3, 2))})
    with pytest.raises(TypeError, match="crossings must be a dict"):
        plotting.plot_plaids({})
