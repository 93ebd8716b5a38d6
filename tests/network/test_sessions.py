"""A network runs a session: the same as presenting each of its movies, as one recording."""

import tracemalloc

import numpy as np
import pytest
from brian2 import Hz, ms
from helpers import ALL, NAMES, make_parameters

from ipvae_brian import (
    MemoryLimitError,
    RateNetwork,
    Recording,
    Response,
    SpikingNetwork,
    StabilityWarning,
)
from ipvae_brian._tools import memory
from ipvae_brian.stimuli import FrontEnd, Whitening, protocols

FRONT_END = FrontEnd(whitening=Whitening(), floor=0.1, mean=0.0, scale=0.5)
TAU = 20 * ms
EVENTS = {"engine": "events", "n_copies": 2}


@pytest.fixture(scope="module")
def model():
    return make_parameters(front_end=FRONT_END)


def gratings(**changes):
    options = {
        "directions": [0, 90],
        "spatial_frequencies": 1,
        "temporal_frequencies": 5 * Hz,
        "duration": 60 * ms,
        "frame_duration": 20 * ms,
        "grey_before": 40 * ms,
        "grey_after": 20 * ms,
        "shape": (4, 4),
        "repeats": 2,
        "dt": 2 * ms,
    }
    return protocols.drifting_gratings(**(options | changes))


@pytest.mark.filterwarnings("ignore:dt = 2 ms is coarse")
@pytest.mark.parametrize(
    "kind", [*ALL, {"engine": "events", "n_copies": 2}], ids=[*NAMES, "events"]
)
def test_is_each_movie_presented(model, kind):
    session = gratings()
    network = SpikingNetwork(model, record_spikes=True, record_potentials=[1], **kind)
    response = network.present_session(session, seed=3)
    assert isinstance(response, Response)
    assert float(network.dt) == float(session.dt)
    movies = session.movies(FRONT_END, session.stimulus_numbers)
    if network.n_copies == 2:  # of one population, every trial is a wave with a seed of its own
        shown = network.present_movie(movies, session.durations, seed=3)
        np.testing.assert_array_equal(response.counts, shown.counts)
        np.testing.assert_array_equal(response.expected_counts, shown.expected_counts)
        np.testing.assert_array_equal(response.potentials, shown.potentials)
        np.testing.assert_array_equal(response.step_counts, shown.step_counts)
        np.testing.assert_array_equal(response.spikes.neuron, shown.spikes.neuron)
        np.testing.assert_allclose(response.spikes.time, shown.spikes.time - 0.04, atol=1e-12)
    again = network.present_session(session, seed=3)
    np.testing.assert_array_equal(response.counts, again.counts)
    np.testing.assert_array_equal(response.counts_in_windows(TAU), response.counts)
    assert response.potentials.shape == (4, 1, 60)
    # The repeats differ.
    assert not np.array_equal(response.counts[:2], response.counts[2:])


def test_recording_has_the_table_and_times_of_the_session(model):
    session = gratings()
    network = SpikingNetwork(model, n_copies=3, engine="events", record_spikes=True)
    response = network.present_session(session, seed=0)
    assert set(response.conditions) == set(session.conditions)
    for name, column in session.conditions.items():
        np.testing.assert_array_equal(response.conditions[name], column)
    np.testing.assert_array_equal(response.stimulus_numbers, [0, 1, 0, 1])
    timing = response.timing
    assert (timing.before, timing.n_windows, timing.tau) == (0.04, 6, 0.02)
    assert timing.windows_of_stimulus == slice(2, 5)
    np.testing.assert_array_equal(response.frames, session.movies(FRONT_END)[:, 1:-1])
    assert response.spikes.time.min() < 0
    # Grey is what the front end makes of it, and no stimulus.
    assert response.r2().shape == (4,)


def test_grey_settles_before_the_stimulus(model):
    """Potentials at the onset are those of a longer grey, not those at rest."""
    session = gratings(grey_before=400 * ms, contrasts=0.5)
    network = SpikingNetwork(model, n_copies=4, engine="events")
    expected = network.present_session(session, seed=0).expected_counts
    first, last = expected[:, 0].mean(axis=0), expected[:, 15:20].mean(axis=(0, 1))
    assert np.abs(np.log(last / first)).max() > 0.2


def test_whitened_space_is_a_switch(model):
    session = gratings(contrasts=[0.1, 1.0], directions=0)
    network = SpikingNetwork(model, n_copies=4, engine="events")
    light = network.present_session(session).frames
    whitened = network.present_session(session, whitened=True).frames
    np.testing.assert_array_equal(whitened, session.movies(None)[:, 1:-1])
    assert whitened[1].std() / whitened[0].std() == pytest.approx(10, rel=1e-4)
    # 20 decibels are fewer where the front end's normalisation has saturated.
    assert light[1].std() / light[0].std() < 7
    bare = SpikingNetwork(make_parameters(), n_copies=4, engine="events")
    with pytest.raises(ValueError, match=r"no front end: .*whitened=True"):
        bare.present_session(session)
    assert bare.present_session(session, whitened=True).n_trials == 4


def test_some_neurons_and_fine_windows(model):
    session = gratings()
    network = SpikingNetwork(model, n_copies=3, engine="events", record_spikes=True)
    everything = network.present_session(session, seed=1)
    some = network.present_session(session, seed=1, neurons=[7, 2])
    assert type(some) is Recording
    np.testing.assert_array_equal(some.counts, everything.counts[:, :, [7, 2]])
    np.testing.assert_array_equal(some.units["neuron"], [7, 2])
    np.testing.assert_array_equal(some.spike_times(1, 3), everything.spike_times(2, 3))
    fine = network.present_session(session, seed=1, neurons=slice(2, 4), window=4 * ms)
    assert fine.spikes is None
    assert fine.timing.window == pytest.approx(0.004)
    wanted = everything.counts_in_windows(4 * ms)[:, :, 2:4]
    np.testing.assert_array_equal(fine.counts, wanted)
    # Windows of several tau need no spike times.
    silent = SpikingNetwork(model, n_copies=3, engine="events")
    coarse = silent.present_session(session, seed=1, window=2 * TAU)
    np.testing.assert_array_equal(coarse.counts, everything.counts_in_windows(2 * TAU))
    with pytest.raises(ValueError, match="window needs spike times"):
        silent.present_session(session, window=4 * ms)


def test_what_does_not_fit_is_refused(model):
    network = SpikingNetwork(model, n_copies=2, engine="events", dt=1 * ms)
    with pytest.raises(TypeError, match="session must be a Session, got list"):
        network.present_session([])
    with pytest.raises(ValueError, match=r"session must have stimuli of \(4, 4\) .*got \(5, 4\)"):
        network.present_session(gratings(shape=(5, 4)))
    with pytest.raises(ValueError, match=r"time step of the network, 1 ms, got 2 ms"):
        network.present_session(gratings())
    with pytest.raises(ValueError, match="neurons must not name a neuron twice"):
        network.present_session(gratings(dt=1 * ms), neurons=[1, 1])
    with pytest.raises(ValueError, match="neurons must be"):
        network.present_session(gratings(dt=1 * ms), neurons=[12])
    with pytest.raises(TypeError, match="whitened must be True or False"):
        network.present_session(gratings(dt=1 * ms), whitened=None)
    with pytest.raises(ValueError, match="window must be a whole number of time steps of 1 ms"):
        network.present_session(gratings(dt=1 * ms), window=1.5 * ms)


def test_time_steps_that_are_too_coarse_are_warned_of(model):
    coarse = SpikingNetwork(model, n_copies=2, engine="numpy")
    with pytest.warns(StabilityWarning, match=r"coarse for stimuli that change.*0\.25 ms is safe"):
        coarse.present_session(gratings(dt=1 * ms))
    marginal = SpikingNetwork(model.with_gain(2.5), n_copies=2, engine="numpy")
    with (
        pytest.warns(StabilityWarning, match=r"it uses 0\.\d+ of the stability limit for these"),
        pytest.warns(StabilityWarning, match="coarse for stimuli that change"),
    ):
        marginal.present_session(gratings(dt=4 * ms), whitened=True)
    # Spikes inhibit at once in continuous time.
    exact = SpikingNetwork(model, n_copies=2, engine="events")
    exact.present_session(gratings(dt=1 * ms))


@pytest.mark.parametrize("options", [{}, {"neurons": [0, 1]}, {"window": 60 * ms}], ids=str)
def test_memory_is_stated_beforehand(model, options, monkeypatch):
    session = gratings(repeats=300, dt=0.25 * ms)
    # The engine "events" has room for spikes that it never touches, which the tracer counts.
    network = SpikingNetwork(model, n_copies=100, engine="numpy", record_spikes=True)
    network.present_session(gratings(dt=0.25 * ms))  # what is imported and compiled once
    tracemalloc.start()
    response = network.present_session(session, seed=0, **options)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    needed = network.session_memory(session, **options)
    assert needed["counts in windows"] == response.counts.nbytes
    # The default guess of spikes is for natural images; these neurons fire more.
    n = response.counts.sum() / (response.n_trials * response.n_neurons)
    guessed = 0.5 * float(session.trial_duration / TAU)
    spikes = "spike times", "one wave of copies"
    total = sum(size * (n / guessed if name in spikes else 1) for name, size in needed.items())
    assert 0.4 < most / total < 2.2, needed
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    with pytest.raises(MemoryLimitError, match="choose neurons, or fewer conditions"):
        network.present_session(session, **options)


def test_progress_counts_trials(model, capsys):
    network = SpikingNetwork(model, n_copies=2, engine="events")
    network.present_session(gratings(dt=1 * ms), progress=True)
    assert "/4 " in capsys.readouterr().err


def test_graded_activity_is_not_cut_short_to_whole_numbers():
    session = protocols.flashed_gratings(
        orientations=0, spatial_frequencies=1, duration=40 * ms, shape=(4, 4), dt=4 * ms
    )
    network = RateNetwork(make_parameters(natural_gradient_step=0.2), dt=4 * ms)
    for options in ({"neurons": [0, 1]}, {"window": 40 * ms}):
        with pytest.raises(ValueError, match="neurons and window need a network that spikes"):
            network.present_session(session, whitened=True, **options)
    response = network.present_session(session, whitened=True, seed=0, progress=False)
    with pytest.raises(ValueError, match="neurons cannot be chosen of graded activity"):
        response.select(neurons=[0])
