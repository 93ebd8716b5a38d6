import subprocess
import sys

import numpy as np
import pytest
from brian2 import ms

from ipvae_brian import Recording, Timing
from ipvae_brian.physiology import interval_statistics

TIMING = Timing(dt=0.0001, n_steps=100_000, steps_per_window=1000)


@pytest.fixture(scope="module")
def trains():
    """Two trials of 10 s: a Poisson process, a gamma process of order 4, a clock, and silence."""
    pytest.importorskip("elephant", reason="elephant is in the extra `physiology`")
    rng = np.random.default_rng(5)

    def trial():
        poisson = np.cumsum(rng.exponential(0.01, 2000))
        gamma = np.cumsum(rng.gamma(4, 0.0025, 2000))
        clock = 0.01 * np.arange(1, 900)
        return [poisson[poisson < 10], gamma[gamma < 10], clock, []]

    times = [trial(), trial()]
    return Recording.from_spike_times(times, TIMING, conditions={"image": [0, 1]})


def test_known_processes(trains):
    """CV of a gamma process of order k is k^-1/2, its LV 3/(2k + 1); some 2000 intervals each."""
    found = interval_statistics(trains)
    np.testing.assert_allclose(found.cv[:3], [1, 0.5, 0], atol=0.05)
    np.testing.assert_allclose(found.lv[:3], [1, 3 / 9, 0], atol=0.05)
    assert found.cv2[0] == pytest.approx(1, abs=0.05)
    assert found.cv2[2] == pytest.approx(0, abs=1e-9)
    assert np.isnan([found.cv[3], found.cv2[3], found.lv[3]]).all()
    assert found.n_intervals[2] == 2 * 898 and found.n_intervals[3] == 0


def test_intervals_lie_within_trials_and_the_window(trains):
    one = interval_statistics(trains, where={"image": 1}, window=(0 * ms, 1000 * ms))
    assert one.n_intervals[2] == 98


def test_too_few_intervals_and_no_spike_times(trains):
    with pytest.raises(ValueError, match="no neuron has 9999 intervals"):
        interval_statistics(trains, minimum_intervals=9999)
    counted = Recording(trains.counts, TIMING)
    with pytest.raises(ValueError, match="spike times were not recorded"):
        interval_statistics(counted)


def test_without_elephant_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "elephant.statistics", None)
    recording = Recording(np.ones((1, 100, 1), int), TIMING)
    with pytest.raises(ImportError, match=r"ipvae-brian\[physiology\]"):
        interval_statistics(recording)


def test_spikes_at_the_onset_are_counted_in_spite_of_rounding():
    pytest.importorskip("elephant", reason="elephant is in the extra `physiology`")
    timing = Timing(dt=0.1, n_steps=40, steps_per_window=1, before=0.3)
    times = [-0.1, -1e-12, 0.1, 0.4, 0.6, 1.1]
    found = interval_statistics(Recording.from_spike_times([[times]], timing), minimum_intervals=2)
    assert found.n_intervals.tolist() == [4]


def test_warnings_of_others_are_shown_as_before(trains):
    """In a process of its own, in which elephant is imported for the first time."""
    program = """
import warnings
from brian2 import ms
from ipvae_brian import Recording, Timing
from ipvae_brian.physiology import interval_statistics
timing = Timing(dt=0.001, n_steps=1000, steps_per_window=100)
recording = Recording.from_spike_times([[[0.01 * i for i in range(30)]]], timing)
before = list(warnings.filters)
interval_statistics(recording)
assert warnings.filters == before, warnings.filters
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
