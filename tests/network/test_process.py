"""What belongs to the whole process: seeds, random state, turns of threads, garbage."""

# ruff: noqa: NPY002  (Brian2 draws from NumPy's global random state)

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import brian2
import numpy as np
import pytest
from brian2 import ms

from ipvae_brian import SpikingNetwork
from ipvae_brian.network import _process

# Seeds and the user's random state


def test_seeded_gives_the_state_back():
    brian2.seed(1)
    np.random.random(3)
    state = np.random.get_state()[1].copy()
    with _process.seeded(5):
        first = np.random.random(4)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    with pytest.raises(LookupError), _process.seeded(5):
        np.testing.assert_array_equal(np.random.random(4), first)
        raise LookupError
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_unseeded_leaves_the_stream_running():
    brian2.seed(1)
    wanted = np.random.random(4)
    brian2.seed(1)
    with _process.seeded(None):
        first = np.random.random(2)
    np.testing.assert_array_equal(np.append(first, np.random.random(2)), wanted)


def random_state():
    return [np.random.random(), float(brian2.rand())]


@pytest.mark.parametrize("seed", [0, 2**32 - 1, 2**32, 2**63, 2**200, np.uint64(2**64 - 1)])
@pytest.mark.parametrize("options", [{}, {"n_copies": 3, "engine": "numpy"}])
def test_any_whole_number_is_a_seed(parameters, stimuli, seed, options):
    network = SpikingNetwork(parameters, dt=1 * ms, **options)

    def counts(seed):
        return network.present(stimuli, 200 * ms, seed=seed).counts

    first = counts(seed)
    np.testing.assert_array_equal(counts(seed), first)
    assert (counts(int(seed) + 1) != first).any()
    # Not the same as what is left of it in 32 bits.
    if seed >= 2**32:
        assert (counts(int(seed) % 2**32) != first).any()


def test_seeds_are_checked_before_anything_runs(parameters, stimuli):
    network = SpikingNetwork(parameters)
    for seed in (-1, 1.0, "0", [1]):
        with pytest.raises((TypeError, ValueError), match="seed must be"):
            network.present(stimuli, 40 * ms, seed=seed)
    assert network.dt is None


@pytest.mark.parametrize("options", [{}, {"n_copies": 3, "engine": "brian2"}, {"n_copies": 3}])
def test_the_users_random_numbers_go_on(parameters, stimuli, options):
    """After a presentation with a seed, and after one that failed."""

    def next_numbers(call):
        brian2.seed(99)
        call()
        return random_state()

    network = SpikingNetwork(parameters, dt=1 * ms, **options)
    undisturbed = next_numbers(lambda: None)
    assert next_numbers(lambda: network.present(stimuli, 40 * ms, seed=1)) == undisturbed

    def failing():
        def stop():
            raise RuntimeError("of the user")

        broken = SpikingNetwork(parameters, dt=1 * ms, **options)
        broken.add(brian2.NetworkOperation(stop, clock=broken.clock))
        with pytest.raises(Exception, match="of the user|error"):
            broken.present(stimuli, 40 * ms, seed=1)

    assert next_numbers(failing) == undisturbed


@pytest.mark.parametrize("options", [{}, {"n_copies": 5, "engine": "numpy"}])
def test_seeds_in_threads(parameters, stimuli, options):
    """One network at a time runs in a process: Brian2's random numbers belong to all of it."""

    def counts(seed):
        network = SpikingNetwork(parameters, dt=1 * ms, **options)
        return network.present(stimuli, 100 * ms, seed=seed).counts

    alone = [counts(seed) for seed in range(4)]
    brian2.seed(99)
    undisturbed = random_state()
    brian2.seed(99)
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(counts, range(4)))
    np.testing.assert_array_equal(together, alone)
    assert random_state() == undisturbed


# Memory


def test_networks_that_nobody_has_are_forgotten(parameters, stimuli):
    """They are circles of objects, which only the collection of garbage finds."""
    gc.collect()
    made = []
    for _ in range(40):
        network = SpikingNetwork(parameters, dt=1 * ms)
        network.present(stimuli[0], 20 * ms)
        made.append(weakref.ref(network.circuit))
    assert sum(one() is not None for one in made) <= 15


def test_garbage_of_the_user_is_collected(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms)

    class Circle:
        def __init__(self):
            self.itself = self

    made = []
    for _ in range(150):
        network.present(stimuli[0], 20 * ms)
        made.append(weakref.ref(Circle()))
    assert sum(one() is not None for one in made) <= 110


def test_garbage_is_hardly_looked_for_while_many_networks_live(parameters, stimuli, monkeypatch):
    """Looking takes as long as there are objects, so it must become rare as they become many."""
    looked = []
    collect = gc.collect
    kept = []
    monkeypatch.setattr(_process.gc, "collect", lambda *a: (looked.append(len(kept)), collect(*a)))
    for _ in range(60):
        kept.append(SpikingNetwork(parameters, dt=1 * ms))
        kept[-1].present(stimuli[0], 20 * ms)
    ours = [n for n in looked if looked.count(n) > 1]  # Brian2 looks at every start, at new ones
    assert len(set(ours)) <= 5


def test_what_the_user_has_frozen_stays_frozen(parameters, stimuli):
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        SpikingNetwork(parameters, dt=1 * ms).present(stimuli[0], 20 * ms)
        assert gc.get_freeze_count() >= before - 100
    finally:
        gc.unfreeze()
