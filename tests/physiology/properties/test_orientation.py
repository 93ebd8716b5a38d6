import numpy as np
import pytest
from brian2.only import Hz

from ipvae_brian import Recording, Timing
from ipvae_brian.physiology import circular_variance, f1_f0, half_bandwidth, smoothed
from ipvae_brian.physiology.properties import orientation

DIRECTIONS = np.arange(0, 360, 15)


def gratings(width=25.0, baseline=1.0, contrasts=(0.2, 1.0), n_units=20, seed=0):
    """Poisson neurons of von Mises tuning, broader at the lower contrast."""
    rng = np.random.default_rng(seed)
    rows = [(d, c) for c in contrasts for d in DIRECTIONS]
    preferred = np.linspace(0, 175, n_units)
    rates = np.array(
        [
            baseline
            + 40 * c * np.exp((np.cos(np.deg2rad(2 * (d - preferred))) - 1) / (width / 40 / c**0.3))
            for d, c in rows
        ]
    )
    counts = rng.poisson(np.repeat(rates, 10, axis=0))
    direction, contrast = np.repeat(np.array(rows), 10, axis=0).T
    timing = Timing(dt=0.001, n_steps=1000, steps_per_window=1000)
    conditions = {"direction": direction, "contrast": contrast}
    return Recording(counts[:, None], timing, conditions=conditions), rates, rows


def test_numbers_are_those_of_the_curves():
    recording, rates, rows = gratings()
    # At the better contrast, directions half a circle apart together.
    curves = np.array([r for r, (_, c) in zip(rates, rows, strict=True) if c == 1])
    curves = (curves[:12] + curves[12:]) / 2
    found = orientation.circular_variance(recording).distribution
    wanted = circular_variance(curves, DIRECTIONS[:12])
    assert found.median == pytest.approx(np.median(wanted), abs=0.02)
    found = orientation.half_bandwidth(recording).distribution
    wanted = half_bandwidth(smoothed(curves, DIRECTIONS[:12]), DIRECTIONS[:12])
    assert found.median == pytest.approx(np.median(wanted), abs=1)
    assert orientation.orthogonal_preferred_ratio(recording).distribution.median < 0.1
    assert orientation.direction_selectivity(recording).distribution.median < 0.1


def test_change_with_contrast_has_its_sign():
    recording = gratings()[0]
    assert orientation.contrast_invariance(recording).distribution.median > 1
    assert orientation.variance_change(recording).distribution.median > 0.05
    one = recording.select(recording.trials_where(contrast=1.0))
    with pytest.raises(ValueError, match="at least 2 values of contrast, there are 1"):
        orientation.contrast_invariance(one)


def test_several_peaks_fail_the_gate():
    rng = np.random.default_rng(0)
    angle = np.repeat(np.arange(0, 180, 15), 20)
    two = 2 + 30 * np.isin(angle, [30, 120])
    counts = rng.poisson(np.tile(two[:, None], 15))
    timing = Timing(dt=0.001, n_steps=1000, steps_per_window=1000)
    recording = Recording(counts[:, None], timing, conditions={"orientation": angle})
    failed = [c.name for c in orientation.circular_variance(recording).checks if not c.passed]
    assert failed == ["second peaks"]
    assert orientation.circular_variance(gratings()[0]).checks[0].passed


def test_trials_of_other_strength_are_no_peaks():
    """One trial for each direction, with a gain of its own: the curve still has one peak."""
    rng = np.random.default_rng(1)
    angle = np.arange(0, 360, 5)
    rate = 3 + 30 * np.exp((np.cos(np.deg2rad(2 * angle)) - 1) / 0.5)
    gain = np.exp(0.3 * rng.standard_normal((len(angle), 1)))
    counts = rng.poisson(rate[:, None] * gain * np.ones(15))
    timing = Timing(dt=0.001, n_steps=1000, steps_per_window=1000)
    recording = Recording(counts[:, None], timing, conditions={"direction": angle})
    found = orientation.half_bandwidth(recording)
    assert all(check.passed for check in found.checks)
    curve = (rate[:36] + rate[36:])[:, None] / 2
    wanted = half_bandwidth(smoothed(curve, angle[:36]), angle[:36])
    assert found.distribution.median == pytest.approx(wanted[0], rel=0.1)


def test_steps_that_are_too_coarse_for_the_width_fail_the_gate():
    narrow = gratings(width=0.8, baseline=0.0)[0]
    failed = [c.name for c in orientation.half_bandwidth(narrow).checks if not c.passed]
    assert "resolution" in failed
    good = [c.name for c in orientation.half_bandwidth(gratings()[0]).checks if not c.passed]
    assert good == []


def test_modulation_is_that_at_the_best_grating():
    rng = np.random.default_rng(1)
    t = (np.arange(50) + 0.5) * 0.02
    modulated = 1 + np.sin(2 * np.pi * 2 * t)
    best = np.repeat([0, 90], 6)
    rates = np.where(best[:, None] == 0, 3 * modulated, 0.4)[:, :, None] * np.ones(12)
    timing = Timing(dt=0.02, n_steps=50, steps_per_window=1)
    recording = Recording(
        rng.poisson(rates), timing,
        conditions={"direction": best, "temporal_frequency": np.full(12, 2.0)},
    )  # fmt: skip
    found = orientation.modulation(recording).distribution
    wanted = f1_f0(recording.select(recording.trials_where(direction=0)), 2 * Hz, unbiased=True)
    np.testing.assert_allclose(found.values, wanted)
    assert found.median == pytest.approx(1, abs=0.1)
