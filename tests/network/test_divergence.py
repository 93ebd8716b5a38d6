"""Runs that diverge are told from codes, in whole windows, in what is left and in short runs."""

import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters

from benchmarks.divergence import attempt
from ipvae_brian import DivergenceError, Parameters, SpikingNetwork
from ipvae_brian.network.divergence import Bound, raise_if_diverged
from ipvae_brian.network.presentation import Presentation


def exceeded(parameters, stimuli, counts, n_steps=20, **options):
    bound = Bound(parameters, stimuli[:, None], 20, **options)
    return bound.exceeded(stimuli, counts, parameters.decode(counts), n_steps)


def test_which_copies_diverged(parameters, stimuli, rng):
    """Codes with Poisson noise are not divergence; a hundredfold code is."""
    rates = np.maximum(np.linalg.lstsq(parameters.dictionary, stimuli.T, rcond=None)[0].T, 0)
    for _ in range(100):
        assert not exceeded(parameters, stimuli, rng.poisson(rates)).any()
    wild = rng.poisson(rates)
    wild[3] += 200
    wanted = [False, False, False, True, False]
    assert exceeded(parameters, stimuli, wild).tolist() == wanted
    # What is left of a window is held to as much less.
    assert exceeded(parameters, stimuli, wild // 4, n_steps=5).tolist() == wanted


def mean_field(parameters, stimulus, start, n_tau, n_steps=4000):
    """Rates of every fine step of the dynamics without spikes, (n_tau * n_steps, n_neurons)."""
    p, u, rates = parameters, start.copy(), []
    for _ in range(n_tau * n_steps):
        rates.append(np.exp(u))
        slope = p.drive(stimulus) - p.threshold - p.lateral_weights @ rates[-1]
        u += (p.natural_gradient_step * slope - p.leak * (u - p.resting_potential)) / n_steps
        u = np.clip(u, p.lowest_potential, p.highest_potential)
    return np.array(rates)


@pytest.mark.parametrize(
    "others",
    [
        {"resting_potential": 3.0},
        {"resting_potential": 3.0, "leak": 4.0},
        {"resting_potential": 0.5, "lowest_potential": 0.0},
        {"threshold": -2.0, "resting_potential": 1.0},
        {"highest_potential": 1.0, "resting_potential": 1.0},
        {"resting_potential": 2.0, "noise_variance": 0.3, "natural_gradient_step": 0.2},
    ],
    ids=str,
)
def test_orderly_inference_stays_below_the_bound_without_its_allowances(others, monkeypatch):
    """The regret of mirror descent: exact for rates, in every window, part of it and start."""
    monkeypatch.setattr("ipvae_brian.network.divergence.FACTOR", 1.0)
    monkeypatch.setattr("ipvae_brian.network.divergence.CHANCE", 0)
    parameters = make_parameters(**others)
    rng = np.random.default_rng(3)
    for start in (parameters.resting_potential, np.full(12, parameters.highest_potential - 1e-9)):
        stimulus = 2 * rng.normal(size=16)
        rates = mean_field(parameters, stimulus, start, 2)
        bound = Bound(parameters, stimulus[None, None], 10**9, start=start[None])
        # Without the noise of spikes, which rates do not have.
        noise = parameters.spike_sizes**2
        for length in (4000, 1000, 100):
            for begin in (0, 4000):
                mean = rates[begin : begin + length].mean(axis=0)
                share = length / 4000
                bound.window_steps = length / share
                missed = ((share * (stimulus - parameters.decode(mean))) ** 2).sum()
                reached = missed + share**2 * bound._cost(mean)
                allowed = share * (share * bound.per_tau + bound.per_start)
                assert reached <= allowed[0] * (1 + 1e-9), (length, begin)
                assert (noise > 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_has_diverged(parameters, stimuli, value):
    decoded = parameters.decode(np.zeros((5, 12)))
    decoded[2, 3] = value
    bound = Bound(parameters, stimuli[:, None], 20)
    assert np.flatnonzero(bound.exceeded(stimuli, np.zeros((5, 12)), decoded, 20)) == [2]


def test_nothing_diverged_is_no_error(parameters):
    counts = np.zeros((3, 2, 12), np.int32)
    assert raise_if_diverged(counts, np.zeros(3, bool), parameters, 1e-3, 0) is None


def test_bound_of_a_presentation(parameters, stimuli):
    """Every return to rest may cost as much again; potentials count where they are carried."""
    frames = stimuli[:, None].repeat(4, axis=1)
    steps = np.array([5, 5, 5, 5])
    begin = np.full((5, 12), 3.0)
    plain, often, carried = (
        Bound.of(Presentation(frames, steps, **options), parameters, 20, begin)
        for options in ({}, {"reset_frames": True}, {"reset": False})
    )
    np.testing.assert_allclose(often.per_start, 5 * plain.per_start)
    assert (carried.per_start > plain.per_start).all()
    np.testing.assert_array_equal(carried.per_tau, plain.per_tau)


@pytest.mark.parametrize("n_copies", [1, 5])
@pytest.mark.parametrize("duration", [16, 36])
@pytest.mark.filterwarnings("ignore::ipvae_brian.StabilityWarning")
def test_divergence_before_or_after_the_whole_windows(n_copies, duration):
    """In 16 ms there is no whole window and nothing to quote: the error is still the right one."""
    x = np.random.default_rng(5).normal(size=(5, 64))
    parameters = make_parameters(
        64, 128, scale=0.5, threshold=0.1, natural_gradient_step=20.0, resting_potential=3.0
    )
    network = SpikingNetwork(parameters, dt=4 * ms, n_copies=n_copies)
    words = "within the first window of tau" if duration == 16 else "up to"
    with pytest.raises(DivergenceError, match=f"first number 0: {words}"):
        network.present(30 * x, duration * ms, seed=1)


def test_a_high_resting_potential_is_resolved():
    """Resting potential 4 ran away at the step that the fixed point asks for, without a word."""
    rng = np.random.default_rng(2)
    parameters = Parameters.from_unit_dictionary(
        rng.normal(size=(64, 128)), spike_size=0.4, gain=6, sparsity=0.25, resting_potential=4.0
    )
    x = rng.normal(size=(10, 64))
    options = {"n_copies": 10, "engine": "numba"}
    chosen = SpikingNetwork(parameters, **options)
    response = chosen.present(x, 100 * ms, seed=1)
    fine = SpikingNetwork(parameters, dt=chosen.dt / 4, **options).present(x, 100 * ms, seed=1)
    assert response.r2().mean() == pytest.approx(fine.r2().mean(), abs=0.05)
    spikes = [one.spikes_per_window()[:, -1].mean() for one in (response, fine)]
    assert spikes[0] == pytest.approx(spikes[1], rel=0.2)
    coarse = SpikingNetwork(parameters, dt=0.5 * ms, **options)
    with (
        pytest.warns(UserWarning, match="is expected to diverge"),
        pytest.raises(DivergenceError),
    ):
        coarse.present(x, 100 * ms, seed=1)


@pytest.mark.parametrize(
    ("engine", "block"), [*(("numba", block) for block in range(6)), ("events", 0), ("events", 1)]
)
def test_random_settings_are_like_those_of_a_tenth_of_the_step(engine, block):
    """None returned silently wrong, no false alarm; `benchmarks.divergence` tries 2,000."""
    for number in range(10 * block, 10 * block + 10):
        trial = attempt(number, engine)
        assert not trial.silently_wrong, trial
        assert trial.outcome in ("returned", "refused"), trial
