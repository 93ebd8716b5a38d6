"""What is read from a response, against brute force over its spikes."""

import copy
import pickle

import numpy as np
import pytest
from brian2.only import Hz, have_same_dimensions, ms, mV, second

from ipvae_brian import Parameters, Recording, SpikingNetwork
from ipvae_brian.recordings import Spikes, Timing
from ipvae_brian.response import metrics
from ipvae_brian.response.response import Response

N_STIMULI, N_PIXELS, N_NEURONS = 3, 6, 4
STEPS_PER_WINDOW, N_STEPS = 5, 23  # four windows and three steps


def made_up(*, n_steps=N_STEPS, spikes=True, frame_steps=None, seed=0):
    """A response and the counts of every step, (n_stimuli, n_steps, n_neurons), it is made of."""
    rng = np.random.default_rng(seed)
    p = Parameters(dictionary=rng.normal(size=(N_PIXELS, N_NEURONS)), tau=10 * ms)
    clock = Timing(0.002, n_steps, STEPS_PER_WINDOW, 0.010, frame_steps or (n_steps,))
    frames = rng.normal(size=(N_STIMULI, len(clock.frame_steps), N_PIXELS))
    steps = rng.poisson(0.4, (N_STIMULI, n_steps, N_NEURONS))
    n = n_steps // STEPS_PER_WINDOW
    shape = (N_STIMULI, n, STEPS_PER_WINDOW, N_NEURONS)
    counts = steps[:, : n * STEPS_PER_WINDOW].reshape(shape).sum(axis=2)
    expected = rng.gamma(1, size=(N_STIMULI, n, N_NEURONS))
    recorded = None
    if spikes:
        trial, step, neuron = np.nonzero(steps)
        recorded = Spikes(trial, neuron, step * clock.dt, steps[trial, step, neuron])
    return Response(p, frames, clock, counts, expected, spikes=recorded), steps


def test_clock():
    clock = made_up()[0].timing
    assert clock.duration == pytest.approx(0.046)
    assert clock.window == pytest.approx(0.010)
    assert clock.n_windows == 4
    np.testing.assert_allclose(clock.step_times, 0.002 * np.arange(23))
    np.testing.assert_allclose(clock.window_ends, [0.010, 0.020, 0.030, 0.040])


@pytest.mark.parametrize("width", range(1, N_STEPS + 3))
def test_counts_in_windows(width):
    response, steps = made_up()
    counts = response.counts_in_windows(width * 2 * ms)
    n_windows = N_STEPS // width
    # Whole multiples of tau are read from the counts, whose windows are whole.
    if width % STEPS_PER_WINDOW == 0:
        n_windows = N_STEPS // STEPS_PER_WINDOW // (width // STEPS_PER_WINDOW)
    assert counts.shape == (N_STIMULI, n_windows, N_NEURONS)
    for s in range(N_STIMULI):
        for w in range(n_windows):
            expected = steps[s, w * width : (w + 1) * width].sum(axis=0)
            np.testing.assert_array_equal(counts[s, w], expected)


def test_counts_in_windows_without_recorded_spikes():
    response, steps = made_up(spikes=False)
    counts = response.counts_in_windows(20 * ms)
    np.testing.assert_array_equal(counts[:, 1], steps[:, 10:20].sum(axis=1))
    with pytest.raises(ValueError, match="not recorded: use .*record_spikes=True"):
        response.counts_in_windows(4 * ms)


@pytest.mark.parametrize(
    ("width", "error", "words"),
    [
        (3 * ms, ValueError, "whole number of time steps of 2 ms, got 3 ms"),
        (1 * ms, ValueError, "whole number of time steps"),
        (0 * ms, ValueError, "positive"),
        (10, TypeError, "time"),
        (10 * mV, TypeError, "time"),
    ],
)
def test_errors_of_counts_in_windows(width, error, words):
    with pytest.raises(error, match=f"^width must be .*{words}"):
        made_up()[0].counts_in_windows(width)


def test_spike_times():
    response, steps = made_up()
    assert steps.max() > 1
    for s in range(N_STIMULI):
        for j in range(N_NEURONS):
            expected = np.repeat(0.002 * np.arange(N_STEPS), steps[s, :, j])
            np.testing.assert_allclose(response.spike_times(j, s), expected)
    np.testing.assert_array_equal(response.spike_times(1), response.spike_times(1, 0))
    with pytest.raises(ValueError, match="not recorded: use .*record_spikes=True"):
        made_up(spikes=False)[0].spike_times(0)


def test_firing_rates_are_in_hertz():
    response, steps = made_up()
    rates = response.firing_rates()
    assert have_same_dimensions(rates, Hz)
    expected = steps[:, :20].sum(axis=1) / 0.040
    np.testing.assert_allclose(np.asarray(rates / Hz), expected)
    np.testing.assert_allclose(np.asarray(rates * (40 * ms)), steps[:, :20].sum(axis=1))


def test_spikes_per_window_and_settled_counts():
    response, _ = made_up()
    np.testing.assert_array_equal(response.spikes_per_window(), response.counts.sum(axis=2))
    np.testing.assert_allclose(
        response.settled_counts(), response.expected_counts[:, 2:].mean(axis=1)
    )


@pytest.mark.parametrize("window", [-4, -1, 0, 3])
def test_reconstruction_and_r2_of_counts(window):
    response, _ = made_up()
    phi = response.parameters.dictionary
    decoded = response.reconstruction(window)
    for s in range(N_STIMULI):
        np.testing.assert_allclose(decoded[s], phi @ response.counts[s, window])
        x = response.frames[s, 0]
        r2 = 1 - ((x - decoded[s]) ** 2).sum() / ((x - x.mean()) ** 2).sum()
        assert response.r2(window)[s] == pytest.approx(r2)
        assert response.zeros(window)[s] == (response.counts[s, window] == 0).mean()
    r2, zeros = response.r2(window).mean(), response.zeros(window).mean()
    assert response.distance(window) == pytest.approx(np.hypot(1 - r2, 1 - zeros))


def test_reconstruction_and_r2_of_expected_counts():
    response, _ = made_up()
    decoded = response.settled_counts() @ response.parameters.dictionary.T
    np.testing.assert_allclose(response.reconstruction(source="expected_counts"), decoded)
    np.testing.assert_allclose(
        response.r2(source="expected_counts"), metrics.r_squared(response.frames[:, 0], decoded)
    )
    for method in (response.reconstruction, response.r2):
        with pytest.raises(
            ValueError, match="^source must be one of 'counts', 'expected_counts', got 'spikes'"
        ):
            method(source="spikes")


def test_convergence():
    response, _ = made_up()
    convergence = response.convergence()
    np.testing.assert_allclose(convergence.time, [0.010, 0.020, 0.030, 0.040])
    for w in range(4):
        assert convergence.r2[w] == pytest.approx(response.r2(w).mean())
        assert convergence.zeros[w] == pytest.approx(response.zeros(w).mean())
        assert convergence.distance[w] == pytest.approx(response.distance(w))
        assert convergence.spikes[w] == pytest.approx(response.counts[:, w].sum() / N_STIMULI)


def test_sparseness():
    response, steps = made_up()
    counts = steps[:, :20].sum(axis=1)
    np.testing.assert_allclose(response.lifetime_sparseness(), metrics.sparseness(counts, 0))
    np.testing.assert_allclose(response.population_sparseness(), metrics.sparseness(counts, 1))


def test_free_energy():
    response, _ = made_up()
    p = response.parameters
    energy = response.free_energy(1, beta=2)
    expected = metrics.free_energy(response.frames[:, 0], response.expected_counts[:, 1], p, beta=2)
    for name in (*energy._fields, "total"):
        np.testing.assert_allclose(getattr(energy, name), getattr(expected, name), err_msg=name)
    assert len({t.tobytes() for t in energy}) == 4
    last = metrics.free_energy(response.frames[:, 0], response.expected_counts[:, 3], p)
    np.testing.assert_allclose(response.free_energy().total, last.total)


def test_stimuli_of_windows():
    response, _ = made_up()
    np.testing.assert_array_equal(response.stimuli, np.repeat(response.frames, 4, axis=1))
    # Frames of 7, 2 and 14 steps; windows of 5.
    response, _ = made_up(frame_steps=(7, 2, 14))
    a, b, c = response.frames.transpose(1, 0, 2)
    expected = np.stack([a, (2 * a + 2 * b + c) / 5, c, c], axis=1)
    np.testing.assert_allclose(response.stimuli, expected)
    np.testing.assert_allclose(
        response.r2(1), metrics.r_squared(expected[:, 1], response.reconstruction(1))
    )


METHODS = {
    "reconstruction": {},
    "r2": {},
    "zeros": {},
    "distance": {},
    "free_energy": {},
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("window", [4, -5])
def test_window_out_of_range(method, window):
    response, _ = made_up()
    with pytest.raises(ValueError, match=f"^window must be within the 4 windows .*, got {window}"):
        getattr(response, method)(window)


@pytest.mark.parametrize("method", [*METHODS, "convergence", "settled_counts", "firing_rates"])
def test_no_whole_window(method):
    response, _ = made_up(n_steps=4)
    words = "no whole window of tau = 10 ms in a duration of 8 ms: present for longer"
    with pytest.raises(ValueError, match=words):
        getattr(response, method)()


def test_simulated_spikes_potentials_and_counts_agree(simulated):
    assert simulated.step_counts.max() > 1
    steps = simulated.step_counts
    for s in range(3):
        for j in range(4):
            expected = np.repeat(simulated.timing.step_times, steps[s, j])
            np.testing.assert_allclose(simulated.spike_times(j, s), expected, atol=1e-9)
    windows = steps[:, :, :20].reshape(3, 4, 4, 5).sum(axis=3).transpose(0, 2, 1)
    np.testing.assert_array_equal(simulated.counts, windows)
    np.testing.assert_array_equal(simulated.counts_in_windows(10 * ms), windows)
    np.testing.assert_array_equal(simulated.counts_in_windows(2 * ms), steps.transpose(0, 2, 1))
    rates = np.exp(simulated.potentials[:, :, :20]) / 5
    expected = rates.reshape(3, 4, 4, 5).sum(axis=3).transpose(0, 2, 1)
    np.testing.assert_allclose(simulated.expected_counts, expected, rtol=1e-6)


def test_repr():
    words = "<Response 3 trials x 4 windows of 10 ms x 4 neurons"
    assert repr(made_up()[0]) == words + ", with spikes>"
    assert repr(made_up(spikes=False)[0]) == words + ">"


def test_times_are_seconds(simulated):
    spikes = simulated.spikes
    assert 0 <= spikes.time.min() <= spikes.time.max() < simulated.timing.duration
    assert simulated.timing.tau == pytest.approx(float(simulated.parameters.tau / second))


def test_indices_are_checked_by_every_method(simulated):
    for method in ("reconstruction", "r2", "zeros", "distance", "free_energy", "stimulus_in"):
        for window in (4, -5):
            with pytest.raises(ValueError, match="^window must be within the 4 windows"):
                getattr(simulated, method)(window)
        for window in ("1", 1.0, None, True):
            with pytest.raises(TypeError, match="^window must be a whole number"):
                getattr(simulated, method)(window)


def test_selected_trials_are_a_response(simulated):
    selected = simulated.select([2, 0])
    assert isinstance(selected, Response)
    for name in ("counts", "expected_counts", "potentials", "step_counts", "stimuli"):
        np.testing.assert_array_equal(getattr(selected, name), getattr(simulated, name)[[2, 0]])
    np.testing.assert_array_equal(selected.r2(), simulated.r2()[[2, 0]])
    np.testing.assert_array_equal(selected.spike_times(1, 0), simulated.spike_times(1, 2))
    assert type(simulated.select(neurons=[1])) is Recording


def test_repeats_of_a_stimulus_share_it():
    response, _ = made_up()
    repeats = Response(
        response.parameters,
        response.frames[:2],
        response.timing,
        response.counts,
        response.expected_counts,
        stimulus_numbers=[1, 0, 1],
    )
    assert (repeats.n_stimuli, repeats.n_trials) == (2, 3)
    shown = response.frames[[1, 0, 1], 0]
    np.testing.assert_array_equal(repeats.stimulus_in(0), shown)
    np.testing.assert_array_equal(
        repeats.r2(1), metrics.r_squared(shown, repeats.reconstruction(1))
    )
    np.testing.assert_array_equal(repeats.select([0, 2]).frames, response.frames[1:2])


def test_expected_counts_of_a_movie_are_those_of_the_window():
    response, _ = made_up(frame_steps=(10, 13))
    decoded = response.expected_counts[:, 1] @ response.parameters.dictionary.T
    np.testing.assert_allclose(response.reconstruction(1, "expected_counts"), decoded)


def test_convergence_leaves_out_stimuli_without_variance():
    response, _ = made_up()
    frames = response.frames.copy()
    frames[1] = 0.1
    flat = Response(
        response.parameters, frames, response.timing, response.counts, response.expected_counts
    )
    kept = response.select([0, 2])
    assert np.isnan(flat.r2()[1])
    np.testing.assert_allclose(flat.convergence().r2, kept.convergence().r2)
    all_flat = flat.select([1])
    assert np.isnan(all_flat.convergence().r2).all() and np.isnan(all_flat.distance())


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, "pickle"])
def test_no_part_of_a_response_can_be_changed_in_place(simulated, copied):
    other = pickle.loads(pickle.dumps(simulated)) if copied == "pickle" else copied(simulated)
    for name in ("frames", "counts", "expected_counts", "potentials", "step_counts", "spikes"):
        for array in getattr(other, name) if name == "spikes" else [getattr(other, name)]:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
    for array in (other.stimuli, other.stimulus_in(0), other.parameters.dictionary):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize("n_copies", [1, 2])
def test_user_who_changes_his_stimuli_later_does_not_change_the_response(n_copies):
    p = Parameters(dictionary=0.1 * np.eye(4, 3), resting_potential=0.0)
    network = SpikingNetwork(p, dt=2 * ms, n_copies=n_copies)
    x = np.random.default_rng(0).normal(size=(2, 4))
    response, given, r2 = network.present(x, 100 * ms, seed=1), x.copy(), None
    r2 = response.r2()
    x[:] = 0
    np.testing.assert_array_equal(response.frames[:, 0], given)
    np.testing.assert_array_equal(response.r2(), r2)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"parameters": 3}, TypeError, "parameters must be a Parameters, got int"),
        ({"frames": np.ones((3, 1, 5))}, ValueError, "counts and frames must be of the 4 neurons"),
        ({"expected_counts": np.ones((3, 4, 3))}, ValueError, "expected_counts must be floating"),
        ({"expected_counts": np.ones((3, 4, 4), int)}, ValueError, "expected_counts must be"),
        (
            {"expected_counts": np.full((3, 4, 4), np.nan)},
            ValueError,
            "expected_counts must be f",
        ),
        (
            {"expected_counts": np.full((3, 4, 4), np.inf)},
            ValueError,
            "expected_counts must be f",
        ),
        (
            {
                "recorded_neurons": (1,),
                "potentials": np.zeros((3, 1, 23)),
                "step_counts": np.full((3, 1, 23), -1),
            },
            ValueError,
            "step_counts must not be negative, got -1",
        ),
        ({"recorded_neurons": (1,)}, ValueError, "potentials must be floating-point numbers"),
        ({"recorded_neurons": (4,)}, ValueError, "recorded_neurons must be within the 4 neurons"),
        ({"potentials": np.ones((3, 1, 23))}, ValueError, r"potentials must be .* \(3, 0, 23\)"),
        ({"timing": Timing(0.002, 23, 5)}, ValueError, "timing.tau must be tau of parameters"),
        ({"timing": Timing(0.001, 23, 5, 0.01)}, ValueError, "windows of timing must be tau"),
    ],
)
def test_parts_that_do_not_agree_are_refused(changes, error, words):
    r, _ = made_up()
    names = ("parameters", "frames", "timing", "counts", "expected_counts")
    with pytest.raises(error, match=f"^{words}"):
        Response(**({name: getattr(r, name) for name in names} | changes))


def test_plot_draws_what_there_is(simulated):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    images = Response(
        simulated.parameters.replace(stimulus_shape=(2, 3)),
        *(getattr(simulated, n) for n in ("frames", "timing", "counts", "expected_counts")),
        spikes=simulated.spikes,
        recorded_neurons=simulated.recorded_neurons,
        potentials=simulated.potentials,
        step_counts=simulated.step_counts,
    )
    assert len(images.plot(1).axes) > 3
    assert len(simulated.plot(1).child_axes) == 1  # membrane traces
    spikes, _ = made_up()
    assert "spikes" in spikes.plot(2).get_title(loc="right")
    plain, _ = made_up(spikes=False)
    r2 = plain.plot(2).lines[0].get_ydata()
    np.testing.assert_allclose(r2, plain.select([2]).convergence().r2)
    for response in (images, spikes, plain):
        with pytest.raises((ValueError, IndexError), match="trial must be within the 3 trials"):
            response.plot(3)
    pyplot.close("all")


def test_table_has_expected_counts(simulated):
    table = simulated.to_dataframe()
    assert len(table) == simulated.counts.size
    np.testing.assert_array_equal(table.expected_count, simulated.expected_counts.ravel())


def test_notebook_shows_how_good_the_code_is(simulated):
    content = simulated._repr_html_()
    assert f"d {simulated.distance():.3f}" in content and "2 ms" in content
    too_short, _ = made_up(n_steps=4)
    assert "<b>Response</b>" in too_short._repr_html_()


def test_settled_counts_are_of_the_stimulus_and_not_of_what_is_around_it():
    r, _ = made_up()
    timing = Timing(0.002, 23, 5, 0.01, frame_steps=(11,), before=0.01)
    around = Response(r.parameters, r.frames, timing, r.counts, r.expected_counts)
    # Windows 1 and 2 lie wholly within the frame; of two windows the second is the second half.
    np.testing.assert_array_equal(around.settled_counts(), r.expected_counts[:, 2])
    assert np.isnan(around.r2(0)).all() and np.isfinite(around.r2(1)).all()
    assert np.isnan(around.convergence().r2[[0]]).all()


@pytest.mark.parametrize("window", [-1, 0, 2])
def test_expected_counts_are_compared_with_the_stimulus_they_are_of(window):
    """And not with what is left of it in a window in which it ends, or nothing."""
    response, _ = made_up(frame_steps=(12,))
    code = response.settled_counts()
    expected = metrics.r_squared(response.frames[:, 0], response.parameters.decode(code))
    np.testing.assert_array_equal(response.r2(window, "expected_counts"), expected)
    assert np.isfinite(expected).all()
