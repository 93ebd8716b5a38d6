"""Noise in Brian2 equations has the closed forms of an Ornstein-Uhlenbeck process."""

import brian2
import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters

from ipvae_brian import Noise, SpikingNetwork
from ipvae_brian.network.equations import MEMBRANE, error_unit_with_noise, with_noise
from ipvae_brian.network.noise_units import names_of_noise

P = make_parameters(noise_variance=1.5)


def test_equations_without_noise_are_as_they_were():
    assert with_noise(MEMBRANE, ()) is MEMBRANE
    assert "noisy" not in error_unit_with_noise(["drive"])
    assert "(noisy_drive - threshold)" in with_noise(MEMBRANE, ["drive"])


def test_names():
    names = names_of_noise(Noise(drive=0.5, gain=0.2, time_constant=100 * ms), 2e-3)
    assert names["steps_between_changes"] == 2
    assert names["drive_kept"] == names["gain_kept"] == pytest.approx(np.exp(-0.04))
    assert names["gain_size"] == 0.2


def test_variance_and_correlation_over_time():
    """300 copies of 12 neurons: variances within 8 %, correlations within .06."""
    noise = Noise(pixel=0.5, drive=0.7, gain=0.3, shared_gain=0.4, time_constant=80 * ms)
    network = SpikingNetwork(P, n_copies=300, engine="brian2", noise=noise, dt=2 * ms)
    units, neurons = network.circuit.noise_units, network.neurons
    seen = {"pixel": [], "drive": [], "gain": [], "shared_gain": [], "all": []}

    @brian2.network_operation(clock=network.clock, when="groups", order=5)
    def look():
        seen["pixel"].append(np.array(units.pixels.pixel_noise[:]))
        seen["drive"].append(np.array(neurons.drive_noise[:]))
        seen["gain"].append(np.array(neurons.gain_noise[:]))
        seen["shared_gain"].append(np.array(units.trials.trial_gain[:]))
        seen["all"].append(np.array(neurons.noisy_drive[:]))

    network.add(look)
    x = np.zeros((300, 16))
    x[:, 3] = 2.0
    network.present(x, 80 * ms, seed=1)
    for name in ("pixel", "drive", "gain"):
        n = np.array(seen[name])
        assert n[0].var() == pytest.approx(1, abs=0.08)
        assert n[39].var() == pytest.approx(1, abs=0.08)
        # It stays for 2 ms, as 80 / 25 is less than two steps.
        for lag in (1, 5, 20):
            found = (n[lag:] * n[:-lag]).mean() / (n**2).mean()
            assert found == pytest.approx(np.exp(-lag * 2 / 80), abs=0.06)
    gains = np.array(seen["shared_gain"])
    assert (np.ptp(gains, axis=0) == 0).all() and gains.shape == (40, 300)
    # Put together as defined.
    t = 17
    pixels = seen["pixel"][t].reshape(300, 16)
    drive = P.drive(x + 0.5 * pixels) * gains[t][:, None]
    drive *= np.exp(0.3 * seen["gain"][t].reshape(300, 12) - 0.045)
    drive += 0.7 * P.spike_sizes / P.noise_variance * seen["drive"][t].reshape(300, 12)
    np.testing.assert_allclose(seen["all"][t].reshape(300, 12), drive, atol=1e-5)
    # Another trial has other gains, log-normal ones; what is carried over goes on.
    seen["shared_gain"].clear()
    for seed in range(6):
        network.present(x, 4 * ms, seed=seed)
    more = np.log(seen["shared_gain"][::2])
    assert np.abs(np.corrcoef(more)[~np.eye(6, dtype=bool)]).max() < 0.25
    assert more.std() == pytest.approx(0.4, abs=0.03)
    assert more.mean() == pytest.approx(-0.08, abs=0.04)
    last = np.array(seen["drive"][-1])
    network.present(x, 4 * ms, reset=False, seed=3)
    assert np.corrcoef(seen["drive"][-2], last)[0, 1] > 0.9
