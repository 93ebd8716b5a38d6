"""What is drawn is what was recorded; Axes are taken and given back; nothing else changes."""

import subprocess
import sys
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Parameters, SpikingNetwork
from ipvae_brian.plotting import figures as plotting

N_NEURONS, SHAPE, RECORDED = 12, (4, 4), (7, 2, 9)


@pytest.fixture(scope="module", autouse=True)
def plt():
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


@pytest.fixture(autouse=True)
def closed_figures(plt):
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def parameters():
    dictionary = np.random.default_rng(0).normal(size=(16, N_NEURONS))
    return Parameters.from_unit_dictionary(
        dictionary, spike_size=0.4, gain=2.0, sparsity=0.1, stimulus_shape=SHAPE
    )


@pytest.fixture(scope="module")
def stimuli():
    return np.random.default_rng(1).normal(size=(3, 16))


@pytest.fixture(scope="module")
def response(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=RECORDED)
    return network.present(stimuli, 170 * ms, seed=0)


@pytest.fixture(scope="module")
def bare(parameters, stimuli):
    """A response without recordings."""
    network = SpikingNetwork(parameters, dt=1 * ms, record_spikes=False)
    return network.present(stimuli, 60 * ms, seed=0)


@pytest.fixture(scope="module")
def movie(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=RECORDED)
    return network.present_movie(stimuli, 40 * ms, seed=0)


def without_image_shape(response):
    """The same response to stimuli that are not images."""
    from ipvae_brian import Response

    flat = replace(response.parameters, stimulus_shape=(16,))
    r = response
    return Response(flat, r.frames, r.timing, r.counts, r.expected_counts)


# Membrane traces


def traces(ax):
    """Data of the membrane traces among the lines: those with a point for every step."""
    return [line.get_data() for line in ax.lines if len(line.get_xdata()) > 2]


def test_traces_are_the_recorded_potentials_in_milliseconds(response):
    ax = plotting.plot_membrane_traces(response, [9, 7], stimulus=1)
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
    ax = plotting.plot_membrane_traces(response, stimulus=1)
    shown = [int(label.get_text()) for label in ax.get_yticklabels()]
    counts = [len(response.spike_times(j, trial=1)) for j in shown]
    assert sorted(shown) == sorted(RECORDED)
    assert counts == sorted(counts, reverse=True)


def test_at_most_six_traces_by_default(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=range(N_NEURONS))
    response = network.present(stimuli[0], 40 * ms, seed=0)
    assert len(plotting.plot_membrane_traces(response).get_yticks()) == 6


def test_traces_have_units_and_a_scale_bar_of_the_length_it_says(response):
    ax = plotting.plot_membrane_traces(response)
    assert ax.get_xlabel() == "time (ms)"
    assert ax.get_xlim() == (0, 170)
    (bar,) = [line for line in ax.lines if not line.get_clip_on()]
    text = ax.texts[0].get_text()
    assert "membrane potential" in text and "log of spikes per τ" in text
    assert np.ptp(bar.get_ydata()) == pytest.approx(float(text.split("\n")[1].split()[0]))


def test_silent_neuron_has_a_trace_without_ticks(parameters):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=[0])
    response = network.present(np.zeros(16), 1 * ms, seed=0)
    ax = plotting.plot_membrane_traces(response)
    assert len(ax.collections[0].get_segments()) == response.step_counts.sum()


# Raster


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
    from ipvae_brian.recordings import Spikes, Timing
    from ipvae_brian.response.response import Response

    n = 50_000
    rng = np.random.default_rng(0)
    spikes = Spikes(
        np.zeros(n, int), rng.integers(0, 1000, n), np.sort(rng.random(n)), np.ones(n, int)
    )
    timing = Timing(0.001, 1000, 20, 0.02)
    parameters = Parameters(dictionary=np.ones((16, 1000)))
    counts = np.zeros((1, 50, 1000), int)
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


# Dictionary


def tiles(ax, across):
    """Tiles of the drawn mosaic, row by row, with their separators taken off."""
    mosaic = np.ma.filled(ax.images[0].get_array(), np.nan)
    mosaic = np.pad(mosaic, ((0, 1), (0, 1)), constant_values=np.nan)
    rows, columns = SHAPE[0] + 1, SHAPE[1] + 1
    cut = mosaic.reshape(-1, rows, across, columns).swapaxes(1, 2).reshape(-1, rows, columns)
    assert np.isnan(cut[:, -1]).all() and np.isnan(cut[:, :, -1]).all()
    return cut[:, :-1, :-1]


def test_dictionary_shows_each_column_scaled_to_its_largest_value(parameters):
    ax = plotting.plot_dictionary(parameters)
    columns = parameters.dictionary.T
    expected = columns / np.abs(columns).max(axis=1, keepdims=True)
    np.testing.assert_allclose(tiles(ax, 4), expected.reshape(-1, *SHAPE))
    assert ax.images[0].get_clim() == (-1, 1)
    assert ax.get_title() == "12 of 12 neurons"


def test_dictionary_in_order_and_by_usage(parameters):
    usage = np.random.default_rng(2).random(N_NEURONS)
    order = np.argsort(-usage)
    by_order = plotting.plot_dictionary(parameters, n=4, order=order)
    by_usage = plotting.plot_dictionary(parameters, n=4, usage=usage)
    np.testing.assert_array_equal(tiles(by_order, 2), tiles(by_usage, 2))
    first = parameters.dictionary[:, order[0]].reshape(SHAPE)
    np.testing.assert_allclose(tiles(by_order, 2)[0], first / np.abs(first).max())
    assert "most used first" in by_usage.get_title()
    assert by_order.get_title() == "4 of 12 neurons"


def test_dictionary_with_a_column_of_zeros_is_grey_there(parameters):
    dictionary = parameters.dictionary.copy()
    dictionary[:, 3] = 0
    ax = plotting.plot_dictionary(replace(parameters, dictionary=dictionary))
    assert (tiles(ax, 4)[3] == 0).all()


@pytest.mark.parametrize("n", [1, 2, 5, 7, 12, 13, 64, 512, 1000, 1024])
def test_mosaic_holds_all_without_an_empty_row(n):
    across = plotting._tiles_across(n, 1.0)
    down = -(-n // across)
    assert across * down - n < across
    if n >= 64:
        assert 0.9 < across / down < 2.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": [0, 12]}, "order must hold neurons from 0 to 11"),
        ({"order": [0.5]}, "order must be a list of neurons"),
        ({"order": []}, "order must be a list of neurons"),
        ({"usage": [1, 2]}, "usage must have shape"),
        ({"usage": np.ones(12), "order": [1]}, "exclude each other"),
        ({"n": 0}, "n must be at least 1"),
    ],
)
def test_dictionary_names_wrong_arguments(parameters, arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.plot_dictionary(parameters, **arguments)


# Reconstructions


def test_reconstructions_are_those_of_the_response(response, stimuli):
    axes = plotting.plot_reconstructions(response, [2, 0], window=3)
    assert axes.shape == (3, 2)
    expected = (
        stimuli,
        response.reconstruction(3, "counts"),
        response.reconstruction(3, "expected_counts"),
    )
    for column, i in enumerate((2, 0)):
        for ax, pixels in zip(axes[:, column], expected, strict=True):
            np.testing.assert_allclose(ax.images[0].get_array(), pixels[i].reshape(SHAPE))
            limit = np.abs(stimuli[i]).max()
            assert ax.images[0].get_clim() == pytest.approx((-limit, limit))
        spikes = response.counts[i, 3].sum()
        assert axes[0, column].get_title() == f"stimulus {i}"
        assert axes[1, column].get_title() == f"R² {response.r2(3)[i]:.2f}\n{spikes} spikes"
        assert axes[2, column].get_title() == f"R² {response.r2(3, 'expected_counts')[i]:.2f}"
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["stimulus", "spike counts", "firing rates"]


def test_reconstructions_show_all_of_a_few_stimuli_and_take_axes(response, plt):
    given = plt.figure().subplots(3, 3)
    axes = plotting.plot_reconstructions(response, axes=given)
    assert all(a is b for a, b in zip(axes.flat, given.flat, strict=True))
    assert plt.get_fignums() == [given[0, 0].figure.number]


def test_constant_stimulus_has_no_r2(parameters):
    response = SpikingNetwork(parameters, dt=1 * ms).present(np.zeros(16), 40 * ms, seed=0)
    axes = plotting.plot_reconstructions(response)
    assert axes[2, 0].get_title() == "R² undefined"


# Convergence


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
    assert labels == ["R²", "zeros", "distance", "spikes per τ"]


def test_legend_is_above_the_lines(response):
    ax = plotting.plot_convergence(response)
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1


def test_all_values_are_within_the_axis(bare):
    ax = plotting.plot_convergence(bare)
    low, high = ax.get_ylim()
    for line in ax.lines:
        assert low <= line.get_ydata().min() and line.get_ydata().max() <= high


# Both


def test_membrane_and_raster_share_time_and_colours(response, stimuli):
    figure = plotting.plot_membrane_and_raster(response, stimulus=1, neurons=[9, 2])
    *images, raster, membrane = figure.axes
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
    raster = plotting.plot_membrane_and_raster(response).axes[-2]
    times = [x for a in raster.lines if a.get_marker() != "None" for x in a.get_xdata()]
    chosen = response.spikes.trial == 0
    np.testing.assert_allclose(np.sort(times), response.spikes.time[chosen] * 1e3)


def test_movie_has_its_stimulus_above_every_reconstruction(movie):
    figure = plotting.plot_membrane_and_raster(movie)
    images = figure.axes[:-2]
    assert len(images) % 2 == 0
    above = images[: len(images) // 2]
    np.testing.assert_allclose(above[0].images[0].get_array().ravel(), movie.stimuli[0, 0])
    np.testing.assert_allclose(above[-1].images[0].get_array().ravel(), movie.stimuli[0, -1])


def test_membrane_and_raster_takes_a_figure(response, plt):
    figure = plt.figure(layout="constrained")
    left, right = figure.subfigures(1, 2)
    assert plotting.plot_membrane_and_raster(response, figure=left) is left
    assert left.axes and not right.axes
    figure.canvas.draw()


# All


@pytest.mark.parametrize(
    "draw",
    [
        plotting.plot_membrane_traces,
        plotting.plot_raster,
        plotting.plot_convergence,
        lambda response, ax: plotting.plot_dictionary(response.parameters, ax=ax),
    ],
)
def test_draws_on_the_axes_it_is_given(response, draw, plt):
    figure, (ax, other) = plt.subplots(1, 2)
    assert draw(response, ax=ax) is ax
    assert ax.has_data() and not other.has_data()
    assert plt.get_fignums() == [figure.number]


def test_settings_and_backend_stay_as_they_are(response):
    before = dict(matplotlib.rcParams)
    plotting.plot_membrane_and_raster(response).canvas.draw()
    plotting.plot_dictionary(response.parameters)
    plotting.plot_reconstructions(response)
    plotting.plot_convergence(response)
    assert dict(matplotlib.rcParams) == before


def test_errors_leave_no_empty_figure(response, bare, plt):
    for draw in (
        plotting.plot_membrane_traces,
        plotting.plot_raster,
        plotting.plot_membrane_and_raster,
    ):
        with pytest.raises(ValueError):
            draw(bare)
    assert plt.get_fignums() == []


def test_missing_recordings_say_which_option_records_them(bare):
    with pytest.raises(ValueError, match=r"SpikingNetwork\(\.\.\., record_potentials="):
        plotting.plot_membrane_traces(bare)
    with pytest.raises(ValueError, match=r"SpikingNetwork\(\.\.\., record_spikes=True"):
        plotting.plot_raster(bare)


def test_potentials_without_spike_times_are_enough_for_traces_only(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=[1], record_spikes=False)
    response = network.present(stimuli[0], 40 * ms, seed=0)
    ax = plotting.plot_membrane_traces(response)
    assert len(ax.collections[0].get_segments()) == response.step_counts.sum()
    with pytest.raises(ValueError, match="record_spikes"):
        plotting.plot_membrane_and_raster(response)


@pytest.mark.parametrize(
    ("neurons", "message"),
    [([2, 3], "potential of neuron 3 was not recorded"), ([], "neurons is empty")],
)
def test_unrecorded_neurons_are_named(response, neurons, message):
    with pytest.raises(ValueError, match=message):
        plotting.plot_membrane_traces(response, neurons)


def test_unknown_stimulus_is_named(response):
    for draw in (
        plotting.plot_membrane_traces,
        plotting.plot_raster,
        plotting.plot_membrane_and_raster,
    ):
        with pytest.raises(ValueError, match="stimulus must be below 3"):
            draw(response, stimulus=3)
    with pytest.raises(TypeError, match="stimulus must be a whole number"):
        plotting.plot_raster(response, 0.5)
    with pytest.raises(ValueError, match="stimulus must be below 3"):
        plotting.plot_reconstructions(response, [0, 7])


def test_reconstructions_name_wrong_arguments(response, plt):
    with pytest.raises(ValueError, match="window must be within the 8 windows"):
        plotting.plot_reconstructions(response, window=8)
    with pytest.raises(ValueError, match="stimuli is empty"):
        plotting.plot_reconstructions(response, [])
    with pytest.raises(ValueError, match=r"axes must have shape \(3, 3\)"):
        plotting.plot_reconstructions(response, axes=plt.figure().subplots(2, 2))


def test_stimuli_that_are_not_images_are_refused_where_images_are_drawn(bare):
    flat = without_image_shape(bare)
    for draw, argument in (
        (plotting.plot_dictionary, flat.parameters),
        (plotting.plot_reconstructions, flat),
        (plotting.plot_membrane_and_raster, flat),
    ):
        with pytest.raises(ValueError, match="stimuli must be images"):
            draw(argument)
    plotting.plot_convergence(flat)


def test_too_short_a_presentation_is_refused(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=[0])
    response = network.present(stimuli[0], 10 * ms, seed=0)
    plotting.plot_raster(response)
    for draw in (plotting.plot_convergence, plotting.plot_membrane_and_raster):
        with pytest.raises(ValueError, match="present for longer"):
            draw(response)


def test_neither_import_nor_given_axes_need_pyplot():
    """Brian2 imports pyplot if it can; where it cannot be imported, everything here still works."""
    code = """
import sys
sys.modules["matplotlib.pyplot"] = None
import numpy as np
from brian2.only import ms
from ipvae_brian import Parameters, SpikingNetwork
from ipvae_brian.plotting import figures as plotting
from matplotlib.figure import Figure
parameters = Parameters(dictionary=np.eye(4), stimulus_shape=(2, 2))
network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=[0])
response = network.present(np.ones(4), 40 * ms, seed=0)
plotting.plot_membrane_traces(response, ax=Figure().subplots())
plotting.plot_raster(response, ax=Figure().subplots())
plotting.plot_dictionary(parameters, ax=Figure().subplots())
plotting.plot_convergence(response, ax=Figure().subplots())
plotting.plot_reconstructions(response, axes=Figure().subplots(3, 1).reshape(3, 1))
plotting.plot_membrane_and_raster(response, figure=Figure()).canvas.draw()
try:
    plotting.plot_raster(response)
except ImportError:
    print("needs pyplot")
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "needs pyplot\n"
