"""The drive with noise against closed forms: variance, covariance and correlation over time."""

import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters

from ipvae_brian import Noise
from ipvae_brian.network.noisy_drive import NoisyDrive

P = make_parameters(noise_variance=1.5, n_neurons=8, n_pixels=9)
N = 3000
GREY = np.zeros((N, 9))


def drives(noise, n_steps, dt=1e-3, clean=2.0, seed=1):
    """Drives of every step, (n_steps, n_copies, n_neurons), and the object that gave them."""
    one = NoisyDrive(noise, P, N, dt, np.float32)
    one.reseed(seed)
    one.show(GREY, np.full((N, 8), clean, np.float32))
    out, all_of_them = np.empty((N, 8), np.float32), []
    for _ in range(n_steps):
        one.put_into(out)
        one.go_on()
        all_of_them.append(out.astype(float))
    return np.array(all_of_them), one


def test_private_noise_is_an_ornstein_uhlenbeck_process():
    """Of 24,000 processes: mean and variance within 4 %, correlation within .03, from the start."""
    d, one = drives(Noise(drive=0.7, time_constant=20 * ms), 60)
    assert one.every == 1  # 0.8 ms is less than a step
    size = 0.7 * P.spike_sizes / P.noise_variance
    noise = (d - 2) / size
    for t in (0, 1, 30, 59):
        np.testing.assert_allclose(noise[t].mean(), 0, atol=0.03)
        np.testing.assert_allclose(noise[t].var(axis=0), 1, atol=0.12)
        assert noise[t].var() == pytest.approx(1, abs=0.04)
    for lag in (1, 10, 40):
        found = (noise[lag:] * noise[:-lag]).mean()
        assert found == pytest.approx(np.exp(-lag / 20), abs=0.03)
    between = np.corrcoef(noise[30].T)[~np.eye(8, dtype=bool)]
    assert np.abs(between).max() < 0.08


def test_noise_stays_between_changes_and_is_exact_at_them():
    d, one = drives(Noise(drive=1.0, time_constant=100 * ms), 41)
    assert one.every == 4
    changed = np.flatnonzero((np.diff(d, axis=0) != 0).any(axis=(1, 2))) + 1
    np.testing.assert_array_equal(changed, np.arange(4, 41, 4))
    noise = (d - 2) / (P.spike_sizes / P.noise_variance)
    found = (noise[0] * noise[20]).mean()
    assert found == pytest.approx(np.exp(-20 / 100), abs=0.03)


def test_noise_of_pixels_is_seen_through_the_dictionary():
    d, _ = drives(Noise(pixel=0.5, time_constant=20 * ms), 2)
    wanted = 0.25 * P.dictionary.T @ P.dictionary / P.noise_variance**2
    np.testing.assert_allclose(np.cov(d[1].T), wanted, atol=0.08 * wanted.max())
    # Of the same size, noise of the drive varies as much.
    private, _ = drives(Noise(drive=0.5), 1)
    np.testing.assert_allclose(private[0].var(axis=0), np.diag(wanted), rtol=0.15)


def test_noise_of_pixels_is_normalised_by_contrast():
    """At the contrast of semisaturation it has half of its variance; other noise is as it was."""
    d, one = drives(Noise(pixel=0.5, semisaturation=0.8), 1)
    still = {name: values.copy() for name, values in one.fluctuations.items()}
    stimuli = 0.8 * np.sign(np.random.default_rng(0).standard_normal((N, 9)))
    one.show(stimuli, np.full((N, 8), 2, np.float32))
    out = np.empty((N, 8), np.float32)
    assert one.put_into(out)
    np.testing.assert_array_equal(one.fluctuations["pixel"], still["pixel"])
    np.testing.assert_allclose((out - 2) * np.sqrt(2), d[0] - 2, rtol=1e-3, atol=1e-5)
    noise = Noise(pixel=0.5, drive=0.1, semisaturation=0.8)
    expected = 1 / np.sqrt(1 + np.array([0.0, 0.25, 1.0, 4.0]))
    shown = np.array([[0.0, 0], [0.4, -0.4], [0.8, 0.8], [0, 1.6 * np.sqrt(2)]])
    np.testing.assert_allclose(noise.pixel_shares(shown), expected)
    assert (Noise(pixel=0.5).pixel_shares(shown) == 1).all()


def test_gains_are_log_normal_with_mean_one():
    for noise in (Noise(gain=0.4, time_constant=20 * ms), Noise(shared_gain=0.4)):
        d, _ = drives(noise, 12)
        assert (d / 2).mean() == pytest.approx(1, abs=0.03)
        assert np.log(d[11] / 2).std() == pytest.approx(0.4, abs=0.02)
        assert np.log(d[11] / 2).mean() == pytest.approx(-0.08, abs=0.03)
        shared = np.ptp(d, axis=(0, 2)).max() < 1e-5
        assert shared == bool(noise.shared_gain)


def test_all_terms_at_once():
    noise = Noise(pixel=0.3, drive=0.2, gain=0.5, shared_gain=0.4)
    d, one = drives(noise, 1)
    states = one.fluctuations
    seen = 2 + 0.3 * states["pixel"] @ P.dictionary / P.noise_variance
    gain = np.exp(0.5 * states["gain"] - 0.125 + 0.4 * one.deviations - 0.08)
    added = 0.2 * P.spike_sizes / P.noise_variance * states["drive"]
    np.testing.assert_allclose(d[0], gain * seen + added, rtol=2e-5, atol=1e-5)


def test_trials_seeds_and_other_stimuli():
    noise = Noise(drive=0.3, shared_gain=0.4, time_constant=1e4 * ms)
    first, one = drives(noise, 3)
    again, _ = drives(noise, 3)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, drives(noise, 3, seed=2)[0])
    # Another stimulus within the trial: the same noise.
    out = np.empty((N, 8), np.float32)
    one.show(GREY, np.zeros((N, 8)))
    assert one.put_into(out) and not one.put_into(out)
    gain = np.exp(0.4 * one.deviations - 0.08)
    np.testing.assert_allclose(first[2] - out, 2 * gain * np.ones(8), rtol=1e-4, atol=1e-4)
    # Another trial: other noise, uncorrelated, with new gains.
    before = one.deviations.copy(), one.fluctuations["drive"].copy()
    one.rest()
    assert one.steps_left == one.every
    one.put_into(out)
    one.go_on()
    for old, new in zip(before, (one.deviations, one.fluctuations["drive"]), strict=True):
        assert abs(np.corrcoef(old.ravel(), new.ravel())[0, 1]) < 0.06
    # A dictionary of twice the length drives twice as much noise.
    one.show(GREY, np.zeros((N, 8)))
    one.put_into(out)
    small = out.copy()
    one.set_parameters(P.replace(dictionary=2 * P.dictionary))
    one.put_into(out)
    np.testing.assert_allclose(out, 2 * small, rtol=1e-5)


def test_state_is_all_there_is():
    noise = Noise(pixel=0.3, drive=0.2, gain=0.5, shared_gain=0.4)
    _, one = drives(noise, 7)
    state, outs = one.state(), []
    for _ in range(2):
        out = np.empty((N, 8), np.float32)
        for _ in range(20):
            one.put_into(out)
            one.go_on()
        outs.append(out)
        one.restore_state(state)
    np.testing.assert_array_equal(*outs)


def test_double_precision():
    one = NoisyDrive(Noise(drive=1.0, pixel=1.0, gain=0.1), P, 4, 1e-3, np.float64)
    out = np.zeros((4, 8))
    assert one.put_into(out)
    assert all(a.dtype == np.float64 for a in one.fluctuations.values()) and (out != 0).all()
