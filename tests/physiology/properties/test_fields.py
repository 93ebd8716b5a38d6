import numpy as np
import pytest

from ipvae_brian import Recording, Timing
from ipvae_brian.physiology.laboratories import laboratories
from ipvae_brian.physiology.properties import PROPERTIES, fields

BY_NAME = {one.name: one for one in PROPERTIES}


def frequencies_recording(preferred, octaves=1.5):
    """Neurons with log-normal tuning for spatial frequency at orientation 0."""
    shown = 2.0 ** np.arange(-1, 3.5, 0.5)
    rows = [(o, f) for o in (0, 45, 90, 135) for f in shown]
    sd = octaves / 2.355
    rates = [
        40 * (o == 0) * np.exp(-(np.log2(f / preferred) ** 2) / (2 * sd**2)) + 0.1 for o, f in rows
    ]
    counts = np.random.default_rng(0).poisson(np.repeat(rates, 20, axis=0))
    orientation, frequency = np.repeat(np.array(rows), 20, axis=0).T
    timing = Timing(dt=0.001, n_steps=1000, steps_per_window=1000)
    conditions = {"orientation": orientation, "spatial_frequency": frequency}
    return Recording(counts[:, None], timing, conditions=conditions)


def test_bandwidth_and_spread():
    recording = frequencies_recording(np.repeat([1.0, 2.0, 4.0], 6))
    assert fields.bandwidth(recording).distribution.median == pytest.approx(1.5, abs=0.25)
    spread = fields.preferred_spread(recording).distribution.values
    np.testing.assert_allclose(np.sort(spread), np.repeat([0, 1], [6, 12]), atol=0.26)
    assert all(check.passed for check in fields.bandwidth(recording).checks)


def test_neurons_without_a_cutoff_fail_the_gate():
    recording = frequencies_recording(np.full(12, 16.0))
    failed = [c.name for c in fields.preferred_spread(recording).checks if not c.passed]
    assert "responses near Nyquist" in failed


def test_gabor_fits_are_of_spike_triggered_averages(gabor_model):
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(1, 6000, 144))
    columns = gabor_model.dictionary[:, :12] / np.linalg.norm(gabor_model.dictionary[:, 0])
    rates = np.maximum(frames[0] @ columns, 0)
    timing = Timing(dt=0.02, n_steps=6000, steps_per_window=1, frame_steps=[1] * 6000)
    recording = Recording(rng.poisson(rates)[None], timing, frames=frames)
    nx, ny = (BY_NAME[n].measure(recording) for n in ("gabor_nx", "gabor_ny"))
    assert nx.distribution.median == pytest.approx(0.4, abs=0.05)
    assert ny.distribution.median == pytest.approx(0.4, abs=0.05)
    noise = Recording(rng.poisson(0.5, rates.shape)[None], timing, frames=frames)
    with pytest.raises(ValueError, match="not defined for any unit"):
        BY_NAME["gabor_nx"].measure(noise)


def test_histograms_become_distributions():
    (sizes,) = laboratories("gabor_size", 20.0)
    nx = BY_NAME["gabor_nx"].adapt(sizes)
    # 22 of 79 cells are wider than .3 and at most .52 cycles: the median lies there.
    assert 0.302 < nx.percentiles[50.0] < 0.5248
    assert nx.low == nx.percentiles[25.0] < nx.high
    (frequencies,) = laboratories("preferred_spatial_frequency", 20.0)
    spread = BY_NAME["preferred_spatial_frequency"].adapt(frequencies)
    assert spread.n == 139
    assert 0.3 < spread.percentiles[50.0] < 0.8
