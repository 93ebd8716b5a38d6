"""Mistakes that a type checker must find: one in each line that ends in `# error`, no others.

Nothing here is run; `tests/test_types.py` compares the lines.
"""

import numpy as np
from brian2 import ms
from numpy.typing import NDArray

import ipvae_brian
from ipvae_brian import (
    IPVAE,
    Parameters,
    RateNetwork,
    Recording,
    Response,
    SpikingNetwork,
    Timing,
    load_model,
    metrics,
    physiology,
)
from ipvae_brian.stimuli import protocols


def parameters_take_names_and_need_a_dictionary():
    Parameters(np.eye(3))  # error
    Parameters()  # error
    Parameters(dictionary=np.eye(3), treshold=1.0)  # error
    Parameters(dictionary=np.eye(3), tau=20)  # error
    Parameters(dictionary=np.eye(3), leak="0.1")  # error


def networks_take_parameters_and_times_with_units(model: Parameters, x: NDArray[np.float64]):
    SpikingNetwork("photographs-512")  # error
    RateNetwork(model, pathway="synapses")  # error
    SpikingNetwork(model, 200)  # error
    SpikingNetwork(model, copies=200)  # error
    SpikingNetwork(model, dt=0.001)  # error
    network = SpikingNetwork(model)
    network.present(x)  # error
    network.present(x, 500)  # error
    network.present(x, 500 * ms, seed="1")  # error
    network.infer(x, 500 * ms)  # error


def responses_have_fields(response: Response):
    print(response.spike_count)  # error
    response.spike_times("all")  # error
    response.reconstruction(source="spikes")  # error
    response.counts_in_windows(0.01)  # error


def recordings_are_of_counts_and_a_timing(timing: Timing, counts: NDArray[np.int32]):
    Recording(counts)  # error
    Recording(counts, 0.001)  # error
    Recording.from_spike_times([[[0.1]]])  # error
    Timing(dt="1 ms", n_steps=10, steps_per_window=10)  # error
    Recording(counts, timing).select(trial=0)  # error
    Recording.from_counts(counts, {"contrast": [1]})  # error
    Recording.from_nwb("a.nwb", before=0.1)  # error
    Recording.from_csv("a.csv", faults="ignore")  # error
    Recording(counts, timing).to_neo("sessions")  # error


def analyses_take_recordings_and_protocols_units(recording: Recording):
    physiology.tuning_curve(np.ones((2, 2)), "orientation")  # error
    physiology.tuning_curve(recording)  # error
    physiology.predict_recording(recording)  # error
    protocols.drifting_gratings(temporal_frequencies=4)  # error
    protocols.drifting_gratings(duration=250)  # error


def the_rest(x: NDArray[np.float64]):
    IPVAE(neurons=512)  # error
    IPVAE().fit()  # error
    load_model(512)  # error
    ipvae_brian.Noise(0.3)  # error
    ipvae_brian.Noise(pixel="strong")  # error
    metrics.r_squared(x)  # error
    ipvae_brian.load_models("photographs-512")  # error
    print(ipvae_brian.spiking)  # error
    ipvae_brian.stimuli.FrontEnd(floor=0.1)  # error
    ipvae_brian.stimuli.protocols.drifting_gratings(directions=0)  # error
    ipvae_brian.stimuli.protocols.white_noise(contrast="high")  # error
