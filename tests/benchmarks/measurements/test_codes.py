"""Figures of the shipped models, and a search for stimuli that diverge which finds them."""

import numpy as np
import pytest

from benchmarks.common import Setup
from benchmarks.measurements import codes
from ipvae_brian import Parameters


def test_names_of_figures():
    assert codes.figure_of("vanhateren-512-adaptive") == "vanhateren_512_adaptive_distance"
    assert set(codes.FIGURES) == {
        *("vanhateren_512_distance", "vanhateren_512_adaptive_distance"),
        *("vanhateren_1024_distance", "vanhateren_1024_adaptive_distance"),
        *("photographs_512_distance", "photographs_512_adaptive_distance"),
        "diverged_stimuli",
    }


@pytest.mark.slow
def test_without_data_the_photographs_are_measured():
    detail, figures = codes.measure(Setup(data=None, quick=True, log=lambda text: None))
    assert set(figures) == {"photographs_512_distance", "photographs_512_adaptive_distance"}
    assert detail["models"]["photographs-512"]["n_stimuli"] == 100
    assert 0.1 < figures["photographs_512_distance"] < 0.5
    assert "| photographs-512-adaptive |" in codes.report(detail, {})


def test_diverged_stimuli_are_counted():
    """In all waves, and only those of stimuli: half of 300 run away."""
    parameters = Parameters(
        dictionary=1e-6 * np.eye(2), resting_potential=0.0, highest_potential=20
    )
    stimuli = np.zeros((300, 2))
    assert codes.n_diverged(parameters, stimuli, 1) == 0
    stimuli[::2] = 3e7
    assert codes.n_diverged(parameters, stimuli, 1) == 150
