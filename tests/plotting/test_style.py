"""Axes are taken and given back; wrong arguments are named; nothing else changes."""

import subprocess
import sys
from dataclasses import replace

import matplotlib
import pytest
from brian2.only import ms

from ipvae_brian import Response, SpikingNetwork, plotting


def without_image_shape(response):
    """The same response to stimuli that are not images."""
    flat = replace(response.parameters, stimulus_shape=(16,))
    r = response
    return Response(flat, r.frames, r.timing, r.counts, r.expected_counts)


@pytest.mark.parametrize(
    "draw",
    [
        plotting.plot_membrane_traces,
        plotting.plot_raster,
        plotting.plot_convergence,
        lambda response, ax: plotting.plot_dictionary(response.parameters, ax=ax),
    ],
)
def test_draws_on_the_axes_it_is_given(response, draw, plt):
    figure, (ax, other) = plt.subplots(1, 2)
    assert draw(response, ax=ax) is ax
    assert ax.has_data() and not other.has_data()
    assert plt.get_fignums() == [figure.number]


def test_settings_and_backend_stay_as_they_are(response):
    before = dict(matplotlib.rcParams)
    plotting.plot_membrane_and_raster(response).canvas.draw()
    plotting.plot_dictionary(response.parameters)
    plotting.plot_reconstructions(response)
    plotting.plot_convergence(response)
    assert dict(matplotlib.rcParams) == before


def test_errors_leave_no_empty_figure(response, bare, plt):
    for draw in (
        plotting.plot_membrane_traces,
        plotting.plot_raster,
        plotting.plot_membrane_and_raster,
    ):
        with pytest.raises(ValueError):
            draw(bare)
    assert plt.get_fignums() == []


def test_missing_recordings_say_which_option_records_them(bare):
    with pytest.raises(ValueError, match=r"SpikingNetwork\(\.\.\., record_potentials="):
        plotting.plot_membrane_traces(bare)
    with pytest.raises(ValueError, match=r"SpikingNetwork\(\.\.\., record_spikes=True"):
        plotting.plot_raster(bare)


def test_potentials_without_spike_times_are_enough_for_traces_only(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=[1], record_spikes=False)
    response = network.present(stimuli[0], 40 * ms, seed=0)
    ax = plotting.plot_membrane_traces(response)
    assert len(ax.collections[0].get_segments()) == response.step_counts.sum()
    with pytest.raises(ValueError, match="record_spikes"):
        plotting.plot_membrane_and_raster(response)


@pytest.mark.parametrize(
    ("neurons", "message"),
    [([2, 3], "potential of neuron 3 was not recorded"), ([], "neurons is empty")],
)
def test_unrecorded_neurons_are_named(response, neurons, message):
    with pytest.raises(ValueError, match=message):
        plotting.plot_membrane_traces(response, neurons)


def test_unknown_trial_is_named(response):
    for draw in (
        plotting.plot_membrane_traces,
        plotting.plot_raster,
        plotting.plot_membrane_and_raster,
    ):
        with pytest.raises(ValueError, match="trial must be within the 3 trials"):
            draw(response, trial=3)
    with pytest.raises(TypeError, match="trial must be a whole number"):
        plotting.plot_raster(response, 0.5)
    with pytest.raises(ValueError, match="trials must be within the 3 trials"):
        plotting.plot_reconstructions(response, [0, 7])


def test_reconstructions_name_wrong_arguments(response, plt):
    with pytest.raises(ValueError, match="window must be within the 8 windows"):
        plotting.plot_reconstructions(response, window=8)
    with pytest.raises(ValueError, match="trials is empty"):
        plotting.plot_reconstructions(response, [])
    with pytest.raises(ValueError, match=r"axes must have shape \(3, 3\)"):
        plotting.plot_reconstructions(response, axes=plt.figure().subplots(2, 2))


def test_stimuli_that_are_not_images_are_refused_where_images_are_drawn(bare):
    flat = without_image_shape(bare)
    for draw, argument in (
        (plotting.plot_dictionary, flat.parameters),
        (plotting.plot_reconstructions, flat),
        (plotting.plot_membrane_and_raster, flat),
    ):
        with pytest.raises(ValueError, match="stimuli must be images"):
            draw(argument)
    plotting.plot_convergence(flat)


def test_too_short_a_presentation_is_refused(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=[0])
    response = network.present(stimuli[0], 10 * ms, seed=0)
    plotting.plot_raster(response)
    for draw in (plotting.plot_convergence, plotting.plot_membrane_and_raster):
        with pytest.raises(ValueError, match="present for longer"):
            draw(response)


def test_neither_import_nor_given_axes_need_pyplot():
    """Brian2 imports pyplot if it can; where it cannot be imported, everything here still works."""
    code = """
import sys
sys.modules["matplotlib.pyplot"] = None
import numpy as np
from brian2.only import ms
from ipvae_brian import Parameters, SpikingNetwork
from ipvae_brian import plotting
from matplotlib.figure import Figure
parameters = Parameters(dictionary=np.eye(4), stimulus_shape=(2, 2))
network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=[0])
response = network.present(np.ones(4), 40 * ms, seed=0)
plotting.plot_membrane_traces(response, ax=Figure().subplots())
plotting.plot_raster(response, ax=Figure().subplots())
plotting.plot_dictionary(parameters, ax=Figure().subplots())
plotting.plot_convergence(response, ax=Figure().subplots())
plotting.plot_reconstructions(response, axes=Figure().subplots(3, 1).reshape(3, 1))
plotting.plot_membrane_and_raster(response, figure=Figure()).canvas.draw()
try:
    plotting.plot_raster(response)
except ImportError:
    print("needs pyplot")
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "needs pyplot\n"
