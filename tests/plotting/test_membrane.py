"""Membrane potentials that are drawn are those that were recorded."""

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import SpikingNetwork, plotting

N_NEURONS, SHAPE, RECORDED = 12, (4, 4), (7, 2, 9)


def traces(ax):
    """Data of the membrane traces among the lines: those with a point for every step."""
    return [line.get_data() for line in ax.lines if len(line.get_xdata()) > 2]


def test_traces_are_the_recorded_potentials_in_milliseconds(response):
    ax = plotting.plot_membrane_traces(response, [9, 7], trial=1)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["9", "7"]
    drawn = traces(ax)
    assert len(drawn) == 2
    for (times, values), zero, row in zip(drawn, ax.get_yticks(), (2, 0), strict=True):
        np.testing.assert_allclose(times, np.arange(170))
        np.testing.assert_allclose(values - zero, response.potentials[1, row], atol=1e-12)


def test_traces_do_not_overlap_and_are_within_the_plot(response):
    ax = plotting.plot_membrane_traces(response)
    (_, upper), (_, lower) = traces(ax)[:2]
    assert upper.min() > lower.max()
    bottom, top = ax.get_ylim()
    assert bottom < min(values.min() for _, values in traces(ax))
    assert top > upper.max()


@pytest.mark.parametrize("stimulus", [0, 1, 2])
def test_ticks_above_traces_are_the_spikes(response, stimulus):
    ax = plotting.plot_membrane_traces(response, RECORDED, stimulus)
    assert len(ax.collections) == len(RECORDED)
    for neuron, ticks, (_, values) in zip(RECORDED, ax.collections, traces(ax), strict=True):
        segments = np.array(ticks.get_segments()).reshape(-1, 2, 2)
        expected = response.spike_times(neuron, stimulus) * 1e3
        np.testing.assert_allclose(segments[:, 0, 0], expected)
        assert (segments[:, :, 1] > values.max()).all()


def test_default_neurons_are_those_that_spiked_most(response):
    ax = plotting.plot_membrane_traces(response, trial=1)
    shown = [int(label.get_text()) for label in ax.get_yticklabels()]
    counts = [len(response.spike_times(j, trial=1)) for j in shown]
    assert sorted(shown) == sorted(RECORDED)
    assert counts == sorted(counts, reverse=True)


def test_at_most_six_traces_by_default(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=range(N_NEURONS))
    response = network.present(stimuli[0], 40 * ms, seed=0)
    assert len(plotting.plot_membrane_traces(response).get_yticks()) == 6


def test_traces_have_units_and_an_axis_in_hertz(response):
    ax = plotting.plot_membrane_traces(response)
    assert ax.get_xlabel() == "time (ms)"
    assert ax.get_xlim() == (0, 170)
    (rates,) = ax.child_axes
    np.testing.assert_allclose(rates.get_yticks(), ax.get_yticks())
    assert {label.get_text() for label in rates.get_yticklabels()} == {"50"}  # 1 / (20 ms)
    assert "Hz" in rates.get_ylabel() and "× 10" in rates.get_ylabel()
    # At a small tick the rate is ten times, a tenth, ... of that at the grey line.
    for tick in rates.get_yticks(minor=True):
        decades = (tick - ax.get_yticks()) / np.log(10)
        assert np.isclose(decades, decades.round()).any()
    assert ax.get_title(loc="right") == "grey: 50 Hz, one expected spike per τ = 20 ms"


def test_silent_neuron_has_a_trace_without_ticks(parameters):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=[0])
    response = network.present(np.zeros(16), 1 * ms, seed=0)
    ax = plotting.plot_membrane_traces(response)
    assert len(ax.collections[0].get_segments()) == response.step_counts.sum()


# With a raster and reconstructions


def test_membrane_and_raster_share_time_and_colours(response, stimuli):
    figure = plotting.plot_membrane_and_raster(response, trial=1, neurons=[9, 2])
    *images, raster, membrane, scale = figure.axes
    assert scale.get_ylabel() == "pixel"
    np.testing.assert_allclose(images[0].images[0].get_array(), stimuli[1].reshape(SHAPE))
    windows = [0, 1, 2, 4, 7]  # a few, denser in the beginning; of eight
    assert [ax.get_title().split("\n")[0] for ax in images[1:]] == [
        f"{w * 20}–{w * 20 + 20} ms" for w in windows
    ]
    for ax, w in zip(images[1:], windows, strict=True):
        decoded = response.reconstruction(w)[1].reshape(SHAPE)
        np.testing.assert_allclose(ax.images[0].get_array(), decoded)
        assert ax.get_title().endswith(f"R² {response.r2(w)[1]:.2f}")
    assert raster.get_shared_x_axes().joined(raster, membrane)
    assert raster.get_xlim() == membrane.get_xlim() == (0, 170)
    for neuron, trace in zip((9, 2), membrane.lines[1::2], strict=False):
        (dots,) = [a for a in raster.lines if a.get_color() == trace.get_color()]
        times = np.unique(response.spike_times(neuron, 1)) * 1e3
        np.testing.assert_allclose(dots.get_xdata(), times)
        assert set(dots.get_ydata()) == {neuron}


def test_membrane_and_raster_draws_every_spike_once(response):
    raster = plotting.plot_membrane_and_raster(response).axes[-3]
    times = [x for a in raster.lines if a.get_marker() != "None" for x in a.get_xdata()]
    chosen = response.spikes.trial == 0
    np.testing.assert_allclose(np.sort(times), response.spikes.time[chosen] * 1e3)


def test_movie_has_its_stimulus_above_every_reconstruction(movie):
    figure = plotting.plot_membrane_and_raster(movie)
    images = figure.axes[:-3]
    assert len(images) % 2 == 0
    above = images[: len(images) // 2]
    assert len(above) == 3
    for ax, frame in zip(above, movie.frames[0], strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array().ravel(), frame)


def test_membrane_and_raster_takes_a_figure(response, plt):
    figure = plt.figure(layout="constrained")
    left, right = figure.subfigures(1, 2)
    assert plotting.plot_membrane_and_raster(response, figure=left) is left
    assert left.axes and not right.axes
    figure.canvas.draw()


def test_frames_of_a_movie_are_marked(movie):
    ax = plotting.plot_membrane_traces(movie)
    (lines,) = [c for c in ax.collections if c.get_label() == "frames"]
    np.testing.assert_allclose([s[0, 0] for s in lines.get_segments()], [40, 80])
    assert ax.get_xlabel() == "time (ms; dashed: next frame)"


def test_decoded_windows_are_explained(response):
    raster = plotting.plot_membrane_and_raster(response).axes[-3]
    (text,) = raster.get_legend().get_texts()
    assert text.get_text() == "decoded above; colours: neurons below"


def test_long_traces_keep_their_extremes_in_few_points(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=[3])
    response = network.present(stimuli[0], 12_000 * ms, seed=0)
    ax = plotting.plot_membrane_traces(response)
    (times, values), potential = traces(ax)[0], response.potentials[0, 0]
    assert 2000 < len(times) <= 5000
    assert values.min() == potential.min() and values.max() == potential.max()
    assert ax.get_xlabel() == "time (s)" and ax.get_xlim() == (0, 12)
    size = -(-2 * 12_000 // 5000)
    for k in (0, 7, 500):
        part = potential[k * size : (k + 1) * size]
        np.testing.assert_array_equal(values[2 * k : 2 * k + 2], [part.min(), part.max()])
        assert times[2 * k] == pytest.approx(k * size * 1e-3)
