"""Every spike is drawn once, where and when it was."""

import numpy as np
import pytest

from ipvae_brian import Parameters, Recording, Response, Spikes, Timing, plotting
from ipvae_brian.recordings.spikes import counts_of

N_NEURONS, SHAPE, RECORDED = 12, (4, 4), (7, 2, 9)


@pytest.mark.parametrize("stimulus", [0, 2])
def test_raster_shows_every_spike_of_the_stimulus(response, stimulus):
    ax = plotting.plot_raster(response, stimulus)
    (dots,) = ax.lines
    spikes = response.spikes
    chosen = spikes.trial == stimulus
    np.testing.assert_allclose(dots.get_xdata(), spikes.time[chosen] * 1e3)
    np.testing.assert_array_equal(dots.get_ydata(), spikes.neuron[chosen])
    assert dots.get_rasterized()
    assert ax.get_xlabel() == "time (ms)" and ax.get_ylabel() == "neuron"
    bottom, top = ax.get_ylim()
    assert bottom < 0 and top > N_NEURONS - 1


def test_raster_says_how_many_neurons_and_spikes(response):
    ax = plotting.plot_raster(response, 1)
    counts = [len(response.spike_times(j, 1)) for j in range(N_NEURONS)]
    active = np.count_nonzero(counts)
    assert ax.get_title(loc="right") == f"{active} of 12 neurons active, {sum(counts)} spikes"


def test_sorted_raster_has_the_most_active_at_the_bottom(response):
    ax = plotting.plot_raster(response, sort=True)
    times, places = ax.lines[0].get_data()
    totals = [len(response.spike_times(j)) for j in range(N_NEURONS)]
    for place, neuron in enumerate(np.argsort(-np.array(totals), kind="stable")):
        expected = np.unique(response.spike_times(neuron)) * 1e3
        np.testing.assert_allclose(times[places == place], expected)
    assert "spike count" in ax.get_ylabel()


def test_raster_of_many_spikes_is_small_and_fast(parameters):
    """Fifty thousand spikes are one artist."""
    n = 50_000
    rng = np.random.default_rng(0)
    spikes = Spikes(
        np.zeros(n, int), rng.integers(0, 1000, n), np.sort(rng.random(n)), np.ones(n, int)
    )
    timing = Timing(0.001, 1000, 20, 0.02)
    parameters = Parameters(dictionary=np.ones((16, 1000)))
    counts = counts_of(spikes, timing, 20, 1, 1000)
    response = Response(parameters, np.zeros((1, 1, 16)), timing, counts, counts / 2, spikes=spikes)
    ax = plotting.plot_raster(response)
    ax.figure.canvas.draw()
    assert [len(line.get_xdata()) for line in ax.lines] == [n]
    assert "50,000 spikes" in ax.get_title(loc="right")


def test_raster_has_whole_neurons_on_its_axis_whatever_it_had_before(response, plt):
    ax = plt.figure().subplots()
    ax.set_yticks([0.5])
    plotting.plot_raster(response, ax=ax)
    places = ax.get_yticks()
    assert len(places) > 2 and (places == places.round()).all()


def test_recording_of_an_experiment_is_drawn_from_before_the_stimulus():
    timing = Timing(dt=0.001, n_steps=300, steps_per_window=20, before=0.1)
    times = [[[-0.05, 0.1], [0.02]], [[], [0.19]]]
    ax = plotting.plot_raster(Recording.from_spike_times(times, timing))
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [-50, 20, 100])
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [0, 1, 0])
    assert ax.get_xlim() == pytest.approx((-100, 200))
    (onset,) = ax.collections[0].get_segments()
    assert onset[0, 0] == 0 and "onset" in ax.get_xlabel()


def test_frames_are_marked_as_lines_or_ticks_or_told(movie):
    ax = plotting.plot_raster(movie)
    np.testing.assert_allclose([s[0, 0] for s in ax.collections[0].get_segments()], [40, 80])
    for n, label in ((100, "time (ms; ticks inside: 100 frames)"), (600, "time (ms; 600 frames)")):
        timing = Timing(0.001, n, 20, frame_steps=(1,) * n)
        recording = Recording.from_spike_times([[[0.01]]], timing)
        ax = plotting.plot_raster(recording)
        assert ax.get_xlabel() == label
        assert len(ax.collections) == (n == 100)


def test_very_many_spikes_are_drawn_as_their_density():
    rng = np.random.default_rng(0)
    timing = Timing(0.001, 20_000, 20)
    times = [np.sort(20 * rng.random(n)) for n in (60_000, 0, 60_000)]
    times[2] /= 2  # in the first half only
    ax = plotting.plot_raster(Recording.from_spike_times([times], timing))
    assert not ax.lines
    density = np.ma.filled(ax.images[0].get_array(), 0)
    np.testing.assert_array_equal(density.sum(axis=1), [60_000, 0, 60_000])
    assert density[2, density.shape[1] // 2 :].sum() == 0
    assert "or more spikes in 0.025 s" in ax.get_xlabel()
    assert "120,000 spikes" in ax.get_title(loc="right")
