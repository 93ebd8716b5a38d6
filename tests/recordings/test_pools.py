"""Pools of neurons: their spikes are those of their members; simple cells make complex ones."""

import numpy as np
import pytest
from brian2 import Hz, ms

from ipvae_brian import Pools, Recording, Timing
from ipvae_brian.physiology import f1_f0


def recorded(rates, rng, n_trials=6):
    """Poisson spikes of neurons (n_windows, n_neurons) with times, in windows of 20 ms."""
    rates = np.asarray(rates, float)
    counts = rng.poisson(rates, (n_trials, *rates.shape))
    timing = Timing(dt=0.001, n_steps=20 * len(rates), steps_per_window=20, before=0.02)
    times = [
        [np.sort(np.repeat(np.arange(len(z)) * 0.02 - 0.011, z)) for z in trial.T]
        for trial in counts
    ]
    columns = {"conditions": {"image": np.arange(n_trials)}}
    return Recording.from_spike_times(times, timing, **columns)


def test_counts_and_spikes_are_sums(rng):
    recording = recorded(rng.exponential(size=(5, 7)), rng)
    pools = Pools([[4, 0], [1], [6, 2, 5]])
    assert len(pools) == 3 and pools.sizes.tolist() == [2, 1, 3]
    pooled = pools.pool(recording)
    c = recording.counts
    sums = [c[:, :, 0] + c[:, :, 4], c[:, :, 1], c[:, :, 2] + c[:, :, 5] + c[:, :, 6]]
    np.testing.assert_array_equal(pooled.counts, np.stack(sums, axis=2))
    np.testing.assert_array_equal(pooled.units["pool_size"], [2, 1, 3])
    assert pooled.conditions["image"].tolist() == list(range(6))
    assert pooled.timing == recording.timing
    # Spike times are in the same windows; neuron 3 is in no pool.
    np.testing.assert_array_equal(pooled.counts_in_windows(20 * ms), pooled.counts)
    both = np.sort(np.concatenate([recording.spike_times(n, 2) for n in (0, 4)]))
    np.testing.assert_array_equal(pooled.spike_times(0, 2), both)
    without = Recording(recording.counts, recording.timing)
    assert pools.pool(without).spikes is None


def test_of_similar_neurons(rng):
    orientation, frequency = rng.uniform(0, 180, 600), 2 ** rng.uniform(0, 2, 600)
    orientation[:20] = np.nan
    pools = Pools.of_similar(orientation, frequency, seed=3)
    again = Pools.of_similar(orientation, frequency, seed=3)
    assert [m.tolist() for m in pools.members] == [m.tolist() for m in again.members]
    other = Pools.of_similar(orientation, frequency, seed=4)
    assert [m.tolist() for m in pools.members] != [m.tolist() for m in other.members]
    every = np.concatenate(pools.members)
    assert len(set(every)) == len(every) and every.min() >= 20
    for pool in pools.members:
        apart = np.abs(orientation[pool][:, None] - orientation[pool]) % 180
        assert np.minimum(apart, 180 - apart).max() <= 30
        assert np.ptp(np.log2(frequency[pool])) <= 1
    found = {size: np.mean(pools.sizes == size) for size in (1, 2, 4, 12)}
    for size, share in {1: 0.33, 2: 0.2, 4: 0.15, 12: 0.32}.items():
        assert found[size] == pytest.approx(share, abs=0.03)
    # Across the end of the circle.
    edge = Pools.of_similar([1.0, 179.0, 90.0], [1, 1, 1], sizes=[2], shares=[1])
    assert [m.tolist() for m in edge.members] == [[0, 1]]
    # Nobody is similar: there is no pool of two, but there are single neurons.
    lonely = Pools.of_similar([0.0, 60.0, 120.0], [1, 1, 1], sizes=[1, 2], shares=[0.5, 0.5])
    assert lonely.sizes.tolist() == [1]


def test_simple_cells_of_opposite_phase_make_a_complex_one(rng):
    t = (np.arange(100) + 0.5) * 0.02
    phases = np.deg2rad([0, 180, 90, 270])
    rates = np.maximum(np.cos(2 * np.pi * 2 * t[:, None] + phases), 0) * 5
    recording = recorded(rates, rng, n_trials=200)
    simple = f1_f0(recording, 2 * Hz)
    np.testing.assert_allclose(simple, np.pi / 2, atol=0.08)
    pooled = Pools([[0, 1, 2, 3]]).pool(recording)
    assert f1_f0(pooled, 2 * Hz)[0] < 0.1


def test_pools_of_phases_that_cancel(rng):
    """Of neurons that are alike but for their phase, those at half a circle or in quadrature."""
    n = 48
    phase = rng.uniform(0, 360, n)
    same = np.full(n, 90.0), np.ones(n)
    wave = np.exp(1j * np.deg2rad(phase)) * rng.uniform(0.5, 2, n)
    options = {"harmonics": np.tile(wave, (n, 1)), "sizes": [1, 2, 4], "shares": [0.2, 0.4, 0.4]}
    pools = Pools.of_similar(*same, **options)
    left = [np.abs(wave[m].sum()) / np.abs(wave[m]).sum() for m in pools.members]
    assert np.median([r for r, m in zip(left, pools.members, strict=True) if len(m) > 1]) < 0.2
    without = Pools.of_similar(*same, sizes=[2, 4], shares=[0.5, 0.5])
    left = [np.abs(wave[m].sum()) / np.abs(wave[m]).sum() for m in without.members]
    assert np.median(left) > 0.3
    # They still prefer the same orientation, and rows of neurons in no pool are not looked at.
    orientation = np.append(rng.choice([0.0, 90.0], n - 1), np.nan)
    options["harmonics"][-1] = np.nan
    options["harmonics"][:, -1] = np.nan
    for pool in Pools.of_similar(orientation, same[1], **options).members:
        assert len(set(orientation[pool])) == 1
    with pytest.raises(ValueError, match=r"harmonics must have the shape \(48, 48\), got \(48,\)"):
        Pools.of_similar(*same, harmonics=wave)
    with pytest.raises(ValueError, match="harmonics must be finite"):
        Pools.of_similar(*same, harmonics=options["harmonics"])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda r: Pools([]), "at least one pool"),
        (lambda r: Pools([[0], []]), "members is empty"),
        (lambda r: Pools([[0, 1], [1]]), "neuron 1 is in more than one pool"),
        (lambda r: Pools([[0.5]]), "must be numbers of neurons"),
        (lambda r: Pools([[-1]]), "must be numbers of neurons"),
        (lambda r: Pools([[9]]).pool(r), "must have neuron 9"),
        (lambda r: Pools([[0]]).pool(r.counts), "recording must be a Recording"),
        (lambda r: Pools.of_similar([1, 2], [1]), "one number for each neuron"),
        (lambda r: Pools.of_similar([1, 2], [1, 0]), "must be > 0"),
        (lambda r: Pools.of_similar([np.nan], [1]), "no neuron that prefers any"),
        (lambda r: Pools.of_similar([1], [1], sizes=[0]), "sizes"),
        (lambda r: Pools.of_similar([1], [1], sizes=[1], shares=[1, 2]), "one number for each"),
        (lambda r: Pools.of_similar([1], [1], within=(0, 1)), "within must be"),
        (lambda r: Pools.of_similar([1], [1], seed=-1), "seed must be"),
    ],
)
def test_errors(call, match, rng):
    with pytest.raises((TypeError, ValueError), match=match):
        call(recorded(np.ones((2, 3)), rng))
