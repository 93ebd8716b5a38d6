import numpy as np
import pytest

from ipvae_brian import Recording, Timing
from ipvae_brian.physiology import naka_rushton
from ipvae_brian.physiology.properties import contrast

CONTRASTS = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])


def repeated(rates, n=60, **conditions):
    """Poisson counts in one second: rates (n_conditions, n_units)."""
    counts = np.random.default_rng(0).poisson(np.repeat(rates, n, axis=0))
    timing = Timing(dt=0.001, n_steps=1000, steps_per_window=1000)
    columns = {key: np.repeat(value, n) for key, value in conditions.items()}
    return Recording(counts[:, None], timing, conditions=columns)


def test_contrast_responses_are_fitted_at_the_best_orientation():
    curve = naka_rushton(CONTRASTS, 50, 2.5, 0.15, 1)
    rates = np.concatenate([np.tile(curve[:, None], 12), np.ones((6, 12))])
    recording = repeated(
        rates, contrast=np.tile(CONTRASTS, 2), orientation=np.repeat([0.0, 90.0], 6)
    )
    assert contrast.exponent(recording).distribution.median == pytest.approx(2.5, abs=0.3)
    found = contrast.c50(recording)
    assert found.distribution.median == pytest.approx(0.15, abs=0.02)
    assert all(check.passed for check in found.checks)


def test_responses_that_do_not_saturate_fail_the_gate():
    recording = repeated(np.tile(60 * CONTRASTS[:, None], 12), contrast=CONTRASTS)
    failed = [c.name for c in contrast.c50(recording).checks if not c.passed]
    assert failed == ["saturation"]


def flashes(shift, n=80):
    """Responses that come later by `shift` seconds at contrast .1; the stimulus after 200 ms."""
    rng = np.random.default_rng(0)
    times = np.arange(-0.2, 0.3, 0.005)

    def course(late):
        return 0.4 * np.clip((times - 0.04 - late) / 0.03, 0, 1)

    rates = np.stack([course(shift) * 0.5, course(0)] * n)[:, :, None] * np.ones(12)
    timing = Timing(dt=0.005, n_steps=100, steps_per_window=1, before=0.2)
    return Recording(rng.poisson(rates), timing, conditions={"contrast": np.tile([0.1, 1.0], n)})


@pytest.mark.parametrize("late", [0.0, 0.03, -0.02])
def test_latency_is_the_shift_in_milliseconds(late):
    found = contrast.shift(flashes(late)).distribution
    assert found.median == pytest.approx(1e3 * late, abs=4)
    assert contrast.explained(flashes(late)).distribution.median > 0.8


def test_plaids_against_their_gratings():
    rates = np.array([[30], [10], [20]]) * np.ones(12)
    recording = repeated(rates, contrast=[0.5, 0, 0.5], mask_contrast=[0, 0.5, 0.5])
    assert contrast.to_mean(recording).distribution.median == pytest.approx(1, abs=0.05)
    assert contrast.to_preferred(recording).distribution.median == pytest.approx(2 / 3, abs=0.05)
    part = recording.select(recording.conditions["contrast"] > 0)
    with pytest.raises(ValueError, match="needs a plaid and its two gratings"):
        contrast.to_mean(part)


def test_suppression_by_large_gratings():
    rates = np.array([[10], [40], [20]]) * np.ones(12)
    found = contrast.suppression(repeated(rates, diameter=[2.0, 8.0, 30.0]))
    assert found.distribution.median == pytest.approx(0.5, abs=0.05)


def crossed(rates, *, mask=None, **columns):
    """Counts of twelve equal units in one second, five times each: a row for each condition."""
    counts = np.repeat(np.asarray(rates), 5)[:, None, None] * np.ones((1, 1, 12), int)
    columns |= {} if mask is None else {"mask_contrast": mask}
    timing = Timing(dt=0.001, n_steps=1000, steps_per_window=1000)
    return Recording(counts, timing, conditions={k: np.repeat(v, 5) for k, v in columns.items()})


def test_suppression_is_that_of_the_best_grating():
    """At the other orientation rates only grow with size."""
    rates = [10, 40, 20, 0, 10, 30]
    sizes, angles = np.tile([2.0, 8.0, 30.0], 2), np.repeat([0.0, 90.0], 3)
    found = contrast.suppression(crossed(rates, diameter=sizes, orientation=angles))
    assert found.distribution.median == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["temporal_frequency", "diameter", "phase", "mask"])
def test_contrast_responses_are_those_of_one_grating_alone(name):
    rates = np.array([1, 4, 10, 18, 24, 28])
    recording = crossed(
        np.concatenate([rates, rates // 4]),
        contrast=np.tile(CONTRASTS, 2),
        **{name: np.repeat([0.0, 0.5], 6)},
    )
    _, found = contrast.contrast_responses(recording)
    np.testing.assert_array_equal(found[:, 0], rates)


@pytest.mark.parametrize("blank", [0.0, np.nan])
def test_plaids_are_those_of_the_best_grating(blank):
    """Of the other orientation, plaids are not suppressed."""
    rates = [30, 10, 20, 5, 8, 13]
    recording = crossed(
        rates,
        contrast=[0.5, blank, 0.5] * 2,
        mask=[blank, 0.5, 0.5] * 2,
        orientation=np.repeat([0.0, 45.0], 3),
    )
    assert contrast.to_mean(recording).distribution.median == pytest.approx(1)
    assert contrast.to_preferred(recording).distribution.median == pytest.approx(2 / 3)
