"""Calls as users write them: a type checker must accept all, and all run.

`tests/test_types.py` does both; each function takes fixtures of the tests.
"""

from pathlib import Path

import numpy as np
from brian2 import Hz, Quantity, ms
from numpy.typing import NDArray

import ipvae_brian
from ipvae_brian import (
    IPVAE,
    Noise,
    Parameters,
    RateNetwork,
    Recording,
    Response,
    SpikingNetwork,
    Timing,
    available_models,
    evaluate,
    load_model,
    load_recording,
    metrics,
    physiology,
    plotting,
    stimuli,
)
from ipvae_brian.stimuli import protocols


def make_parameters() -> Parameters:
    """Numbers, lists and arrays, with and without units."""
    dictionary = np.random.default_rng(0).normal(size=(16, 12)) / 5
    Parameters(dictionary=dictionary.tolist())
    Parameters(dictionary=dictionary, threshold=0.1, resting_potential=[-1.0] * 12)
    return Parameters(
        dictionary=dictionary.astype(np.float32),
        threshold=np.full(12, 0.1),
        leak=0.1,
        tau=10 * ms,
        stimulus_shape=(4, 4),
        provenance={"data": "random"},
    )


def present(parameters: Parameters, stimuli: NDArray[np.float64]) -> None:
    """One stimulus or many, for a time with units."""
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=range(3))
    response: Response = network.present(stimuli[0], 100 * ms, seed=1)
    many = network.present(stimuli, 40 * ms, reset=False, progress=False)
    n_stimuli: int = many.n_stimuli
    counts: NDArray[np.integer] = response.counts
    decoded: NDArray[np.floating] = response.reconstruction()
    assert n_stimuli == len(stimuli) and counts.ndim == 3 and decoded.shape[-1] == 16
    assert np.all(response.spike_times(0) >= 0)
    assert response.r2().shape == (1,)


def rate_networks(parameters: Parameters, stimuli: NDArray[np.floating]) -> NDArray[np.floating]:
    network = RateNetwork(parameters, activation="relu", deviation=0, n_copies=2)
    response: Response = network.present(stimuli, 40 * ms, seed=1)
    return response.reconstruction()


def movie(parameters: Parameters, stimuli: NDArray[np.float64]) -> None:
    """Frames with one duration for all."""
    network = SpikingNetwork(parameters, dt=1 * ms)
    response = network.present_movie(stimuli[None], 20 * ms, seed=2)
    assert response.counts_in_windows(10 * ms).shape[1] == 10


def learn(stimuli: NDArray[np.float64]) -> None:
    """The estimator, as scikit-learn's users write it."""
    model = IPVAE(n_neurons=4, n_epochs=1, batch_size=5, random_state=0)
    codes = model.fit(stimuli).transform(stimuli)
    assert np.asarray(codes).shape == (5, 4)
    score: float = model.score(stimuli)
    assert np.isfinite(score)


def learn_patches() -> None:
    """From patches to a model, a network and a figure."""
    patches = ipvae_brian.stimuli.load_stimuli("photographs", n_train=40, n_validation=5)
    model = IPVAE(n_neurons=4, n_epochs=1, batch_size=20, random_state=0, tau=20 * ms)
    model.fit(patches)
    network = model.network(n_copies=5)
    assert network.present(patches.validation, 40 * ms).n_stimuli == 5
    assert SpikingNetwork(model, dt=1 * ms).parameters is model.parameters_
    plotting.plot_dictionary(model)
    assert model.parameters_.with_gain(2).replace(leak=0.1).leak == 0.1


def recordings_of_others(tmp_path: Path) -> None:
    """Tables, counts and files, with times that have units."""
    spikes = {"unit": [7, 7, 9], "time": [1.012, 1.055, 2.31]}
    trials = {"start_time": [1.0, 2.0], "stop_time": [1.5, 2.5], "ori": [0, 90]}
    recording: Recording = Recording.from_tables(
        spikes, trials, columns={"orientation": "ori"}, before=100 * ms, window=20 * ms
    )
    recording.to_csv(tmp_path / "a.csv", gap=200 * ms)
    recording.save(str(tmp_path / "a.npz"))
    again: Recording = load_recording(tmp_path / "a.npz")
    read = Recording.from_csv(tmp_path / "a.csv", before=100 * ms, faults="drop")
    assert again.n_trials == read.n_trials == 2
    counts = np.zeros((2, 3, 4), int)
    rates: Quantity = Recording.from_counts(
        counts, {"contrast": [0.1, 0.3, 1]}, 1 * ms
    ).firing_rates()
    assert rates.shape == (12, 2)
    axes = ("trial", "unit", "bin")
    binned = Recording.from_binned(counts, {"contrast": [0.1, 0.3]}, 10 * ms, axes=axes)
    assert binned.timing.n_windows == 4


def recordings() -> None:
    """Spike times of an experiment."""
    timing = Timing(dt=0.001, n_steps=300, steps_per_window=100)
    times = [[[0.013, 0.15], [0.02]], [np.array([0.2]), []]]
    recording = Recording.from_spike_times(times, timing, conditions={"orientation": [0, 90]})
    chosen = recording.select(recording.trials_where(orientation=90), neurons=[0])
    rates: Quantity = chosen.firing_rates()
    assert rates.shape == (1, 1) and recording.counts_in_windows(50 * ms).shape == (2, 6, 2)


def experiments() -> None:
    """A session of gratings, and a tuning curve of neurons."""
    session = protocols.drifting_gratings(
        directions=[0, 90], spatial_frequencies=2, temporal_frequencies=4 * Hz, duration=250 * ms
    )
    assert session.n_stimuli == 2 and session.trial_duration > 250 * ms
    timing = Timing(dt=0.001, n_steps=500, steps_per_window=500)
    counts = np.array([2, 9, 4, 11]).reshape(4, 1, 1)
    recording = Recording(counts, timing, conditions={"orientation": [0, 90, 0, 90]})
    curve = physiology.tuning_curve(recording, "orientation", window=(0 * ms, 500 * ms))
    rates: NDArray[np.floating] = curve.rates
    assert rates.shape == (2, 1)
    code = np.random.default_rng(0).uniform(0, 9, (40, 3))
    shown = np.repeat(np.arange(40), 4)
    images = Recording(code[shown, None, :1].astype(int), timing, conditions={"image": shown})
    predicted = physiology.predict_recording(images, code, "image", n_folds=5)
    assert predicted.normalised.shape == (1,)


def files(parameters: Parameters, tmp_path: Path) -> None:
    """Paths as `pathlib.Path` or text."""
    parameters.save(tmp_path / "model.npz")
    assert Parameters.load(str(tmp_path / "model.npz")).n_neurons == parameters.n_neurons


def figures(parameters: Parameters, stimuli: NDArray[np.float64]) -> None:
    """Plots of a response and of a model."""
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=[0, 1])
    response = network.present(stimuli[0], 60 * ms)
    plotting.plot_raster(response)
    plotting.plot_membrane_and_raster(response)
    plotting.plot_dictionary(parameters)


def shipped(stimuli: NDArray[np.float64]) -> None:
    """Models and photographs that come with the package, and figures of merit."""
    names: list[str] = available_models()
    model = load_model(names[0])
    tau: Quantity = model.tau
    assert tau > 1 * ms and (1 / tau) > 1 * Hz
    patches = ipvae_brian.stimuli.load_stimuli("photographs", n_train=10, n_validation=5)
    assert patches.train.shape == (10, 256)
    assert np.allclose(metrics.r_squared(stimuli, stimuli), 1)


def evaluated(parameters: Parameters, stimuli: NDArray[np.float64]) -> None:
    """A model's figures."""
    figures, response = evaluate(parameters, stimuli, windows=3, seed=0)
    assert figures["n_stimuli"] == response.n_stimuli == 5


def whitened() -> None:
    """Photographs, whitened and cut."""
    camera = stimuli.load_photographs()["camera"]
    white = stimuli.whiten_image(camera, stimuli.Whitening(border=6))
    patches = stimuli.extract_patches({"camera": camera}, 20, (8, 8), rng=0)
    assert white.ndim == 2 and patches.shape == (20, 64)


def experiment(parameters: Parameters) -> None:
    """Gratings through a front end, and in whitened space."""
    session = stimuli.protocols.drifting_gratings(
        directions=range(0, 360, 180),
        spatial_frequencies=1,
        temporal_frequencies=25 * Hz,
        contrasts=[0.1, 1],
        duration=40 * ms,
        frame_duration=10 * ms,
        shape=(4, 4),
        repeats=2,
        grey_before=20 * ms,
    )
    front_end = stimuli.FrontEnd(whitening=stimuli.Whitening(), floor=0.1)
    movies: NDArray[np.float32] = session.movies(front_end.replace(normalisation="divisive"))
    directions = session.conditions["direction"]
    assert len(directions) == session.n_trials == 2 * len(movies)
    noise = Noise(pixel=0.2, time_constant={"pixel": 20 * ms})
    network = SpikingNetwork(
        parameters, n_copies=len(movies), dt=1 * ms, noise=noise, lateral="self"
    )
    assert network.noise == noise and not Noise(time_constant=2 * ms)
    response = network.present_movie(session.movies(None), session.durations, seed=1)
    assert response.n_stimuli == session.n_stimuli
    assert load_model("photographs-512").front_end is not None
