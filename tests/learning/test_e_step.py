"""Chunks of a batch: how it is cut, what is left out, and that it does not matter who simulates."""

from dataclasses import fields, replace

import numpy as np
import pytest

from ipvae_brian.learning import e_step
from ipvae_brian.learning.settings import TrainingSettings
from ipvae_brian.learning.statistics import BatchStatistics
from ipvae_brian.network.presentation import Outcome

# Chunks of 300 stimuli.
SETTINGS = TrainingSettings(
    n_neurons=6, batch_size=600, n_windows=3, windows_left_out=1, steps_per_tau=10, seed=5
)
STEPS = 10


@pytest.fixture
def stimuli(rng):
    return rng.normal(size=(700, 9)).astype(np.float32)


@pytest.fixture
def dictionary(rng):
    columns = rng.normal(size=(9, 6)).astype(np.float32)
    return columns * np.float32(0.4) / np.linalg.norm(columns, axis=0)


def test_a_batch_is_cut_in_order_and_the_rest_filled_up(stimuli):
    whole = list(e_step.chunks(SETTINGS, stimuli, 7, STEPS))
    assert [chunk.used for chunk in whole] == [300, 300, 100]
    shown = np.concatenate([chunk.frames[: chunk.used, 0] for chunk in whole])
    np.testing.assert_array_equal(shown, stimuli)
    assert not whole[-1].frames[100:].any()
    assert all(chunk.frame_steps.tolist() == [3 * STEPS] and chunk.reset for chunk in whole)


def test_seeds_are_of_training_batch_and_chunk(stimuli):
    seeds = [chunk.seed for chunk in e_step.chunks(SETTINGS, stimuli, 7, STEPS)]
    assert seeds == [[5, 1, 7, 0], [5, 1, 7, 1], [5, 1, 7, 2]]
    later = e_step.chunks(SETTINGS, stimuli[300:], 7, STEPS, first_chunk=1)
    assert [chunk.seed for chunk in later] == seeds[1:]


def test_diverged_and_unused_copies_are_left_out(stimuli, dictionary, rng):
    chunk = next(e_step.chunks(SETTINGS, stimuli[:20], 0, STEPS))
    counts = rng.poisson(0.5, (300, 3, 6))
    diverged = np.zeros(300, bool)
    diverged[[3, 11, 250]] = True
    outcome = Outcome(counts, counts.astype(float), diverged)
    got = e_step.statistics_of(chunk, outcome, SETTINGS, dictionary)
    assert (got.n_stimuli, got.n_diverged, got.n_counted) == (18, 2, 36)
    fit = [i for i in range(20) if i not in (3, 11)]
    expected = sum(np.outer(z, z) for i in fit for z in counts[i, 1:])
    np.testing.assert_array_equal(got.count_by_count, expected)
    by_stimulus = sum(np.outer(stimuli[i], z) for i in fit for z in counts[i, 1:])
    np.testing.assert_allclose(got.stimulus_by_count, by_stimulus, rtol=1e-4, atol=1e-4)


def equal(one, other):
    for field in fields(BatchStatistics):
        a, b = getattr(one, field.name), getattr(other, field.name)
        np.testing.assert_array_equal(a, b, field.name)


def test_parts_of_a_batch_add_up_to_the_batch_bit_by_bit(stimuli, dictionary):
    def simulate(part, first):
        return e_step.simulate_chunks(SETTINGS, dictionary, part, 2, STEPS, first)

    whole = simulate(stimuli, 0)
    assert whole.n_stimuli == 700 and whole.counts.any()
    equal(simulate(stimuli[:300], 0) + simulate(stimuli[300:], 1), whole)
    other = e_step.simulate_chunks(SETTINGS, dictionary, stimuli, 3, STEPS, 0)
    assert (other.counts != whole.counts).any()


def test_a_kept_network_gets_the_new_dictionary(stimuli, dictionary):
    def simulate(phi):
        return e_step.simulate_chunks(SETTINGS, phi, stimuli[:300], 0, STEPS, 0)

    first = simulate(dictionary)
    other = simulate(dictionary[:, ::-1].copy())
    assert (first.counts != other.counts).any()
    equal(simulate(dictionary), first)


def test_the_network_that_is_trained_has_the_settings_of_training(dictionary):
    network = e_step.training_network(SETTINGS, dictionary, STEPS)
    assert network.n_copies == 300 and network.steps_per_tau == STEPS
    own = network.parameters
    np.testing.assert_allclose(own.dictionary, dictionary, rtol=1e-6)
    assert own.highest_potential == SETTINGS.training_highest_potential
    # Gain and sparsity are those while learning: eta |phi| = gain, threshold = sparsity |phi|.
    np.testing.assert_allclose(own.natural_gradient_step * 0.4, SETTINGS.training_gain, rtol=1e-5)
    assert own.half_threshold_rate is None
    adaptive = replace(
        SETTINGS,
        training_half_threshold_rate=0.4,
        threshold_memory=0.3,
        lowest_potential=-12.0,
        engine="events",
    )
    own = e_step.training_network(adaptive, dictionary, STEPS)
    assert own.engine == "events"
    own = own.parameters
    assert (own.half_threshold_rate, own.threshold_memory) == (0.4, 0.3)
    assert own.lowest_potential == -12
    used = e_step.training_parameters(SETTINGS, dictionary, gain=2.0)
    np.testing.assert_allclose(used.natural_gradient_step * 0.4, 2.0, rtol=1e-5)
