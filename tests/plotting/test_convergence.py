"""Lines are the means over trials."""

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import SpikingNetwork, plotting

N_NEURONS, SHAPE, RECORDED = 12, (4, 4), (7, 2, 9)


def test_convergence_draws_means_over_time_in_milliseconds(response):
    ax = plotting.plot_convergence(response)
    course = response.convergence()
    for line, values in zip(ax.lines, (course.r2, course.zeros, course.distance), strict=True):
        np.testing.assert_allclose(line.get_xdata(), np.arange(1, 9) * 20)
        np.testing.assert_allclose(line.get_ydata(), values)
    (right,) = [other for other in ax.figure.axes if other is not ax]
    np.testing.assert_allclose(right.lines[0].get_ydata(), course.spikes)
    assert "time (ms" in ax.get_xlabel() and "τ = 20 ms" in ax.get_xlabel()
    assert right.get_ylabel() == "spikes of all neurons per τ"
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["R²", "zeros", "d = √((1 − R²)² + (1 − zeros)²)", "spikes per τ"]


def test_legend_is_above_the_lines(response):
    ax = plotting.plot_convergence(response)
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1


def test_all_values_are_within_the_axis(bare):
    ax = plotting.plot_convergence(bare)
    low, high = ax.get_ylim()
    for line in ax.lines:
        assert low <= line.get_ydata().min() and line.get_ydata().max() <= high


def test_frames_are_marked(movie):
    ax = plotting.plot_convergence(movie)
    np.testing.assert_allclose([s[0, 0] for s in ax.collections[0].get_segments()], [40, 80])


def test_many_windows_are_drawn_as_means_over_several(parameters, stimuli):
    response = SpikingNetwork(parameters, dt=1 * ms).present(stimuli[0], 6040 * ms, seed=0)
    course = response.convergence()
    ax = plotting.plot_convergence(response)
    assert "means of 4" in ax.get_xlabel() and "time (s" in ax.get_xlabel()
    drawn = ax.lines[0].get_ydata()
    assert len(drawn) == 76  # 302 windows
    np.testing.assert_allclose(drawn[:75], course.r2[:300].reshape(75, 4).mean(axis=1))
    assert drawn[75] == pytest.approx(course.r2[300:].mean())
