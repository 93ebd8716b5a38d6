"""In continuous time the step follows from how fast the drive raises potentials."""

import warnings

import numpy as np
import pytest

from ipvae_brian import Parameters, StabilityWarning
from ipvae_brian.network.drive_step import LARGEST_RISE, check_drive_dt, choose_drive_dt
from ipvae_brian.network.loop_gain import Loop

# Of a neuron alone, whose drive is the stimulus: gain 2, threshold .5.
NEURON = Parameters(dictionary=np.eye(2), natural_gradient_step=2.0, threshold=0.5)


@pytest.mark.parametrize("steps", [20, 50, 400])
def test_the_strongest_drive_rises_as_far_as_is_accurate(steps):
    """As a mean over stimuli: these rise by 1 and 3 times what is said, and others fall."""
    rises = np.array([[0.5, -1.0], [1.5, 0.2]]) * steps * LARGEST_RISE
    stimuli = 0.999 * rises / 2 + 0.5
    assert choose_drive_dt(Loop(NEURON), stimuli) == pytest.approx(20e-3 / steps)
    stronger = 1.002 * rises / 2 + 0.5
    assert choose_drive_dt(Loop(NEURON), stronger) < 20e-3 / steps


def test_what_is_out_of_all_proportion_gets_the_finest_step():
    assert choose_drive_dt(Loop(NEURON), np.full((1, 2), 1e9)) == pytest.approx(20e-3 / 4000)


def test_three_times_as_coarse_is_warned_of():
    stimuli = np.full((1, 2), 20 * LARGEST_RISE / 2 + 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        check_drive_dt(Loop(NEURON), stimuli, 2.99e-3)
    with pytest.warns(StabilityWarning, match="by up to 4.5 in one step, and up to 1.5 is"):
        check_drive_dt(Loop(NEURON), stimuli, 3.02e-3)
