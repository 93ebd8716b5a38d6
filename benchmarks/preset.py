"""What the preset `physiological` gives and costs: the figures of docs/theory.md, section 13.

``python -m benchmarks.preset --data vanhateren16_train_val.npz`` measures vanhateren-512 as shipped
and with the preset: natural images after 200 ms of grey, gratings of contrast .3 and 1, and long
presentations for intervals between spikes. ``python -m benchmarks.preset --onset`` measures what
the onset of photographs does to variability with other noise of pixels, as in docs/physiology.md.
"""

import argparse
from dataclasses import replace

import numpy as np
from brian2.only import ms, second

from benchmarks.common import default_data
from ipvae_brian import (
    Noise,
    Parameters,
    Pools,
    Recording,
    SpikingNetwork,
    Timing,
    evaluate,
    load_model,
)
from ipvae_brian._tools.files import write_json
from ipvae_brian.physiology import (
    circular_variance,
    count_statistics,
    distance_to_percentiles,
    half_bandwidth,
    noise_correlations,
    physiological,
    reference,
    smoothed,
)
from ipvae_brian.physiology.experiments import Subject
from ipvae_brian.physiology.properties.natural import spontaneous_rate
from ipvae_brian.physiology.properties.variability import fano_factor, quenching
from ipvae_brian.physiology.settings import reconstruction
from ipvae_brian.response.metrics import r_squared
from ipvae_brian.stimuli import load_stimuli

N_IMAGES, N_REPEATS, N_COPIES = 30, 36, 216
# Of images for intervals, each shown for so many tau.
N_LONG, LONG_TAU = 24, 60
# Images of which R2 is measured when their codes have settled.
N_CODED = 200
# Of gratings for tuning, and of those for modulation, which was measured at high contrast.
CONTRAST, HIGH_CONTRAST = 0.3, 1.0
ORIENTATIONS = np.arange(0, 180, 5.0)
FREQUENCIES = (1.5, 2.5, 3.5, 4.5, 5.5)
PHASES = np.arange(0, 360, 60.0)
LEAST_INTERVALS = 20
# Other noise of pixels than that of the preset.
ONSETS = {
    "preset": {},
    "not normalised": {"semisaturation": None},
    "more": {"pixel": 0.45, "semisaturation": 0.15},
    "most": {"pixel": 0.5, "semisaturation": 0.1},
}
# Below so many Hz a neuron does not respond to gratings.
RESPONDS = 2.0


def gratings(shape, contrast=CONTRAST):
    """Return gratings in whitened space, orientation by frequency by phase, flattened."""
    y, x = np.mgrid[: shape[0], : shape[1]] - (np.array(shape) - 1)[:, None, None] / 2
    angle, frequency, phase = np.meshgrid(
        np.deg2rad(ORIENTATIONS), np.array(FREQUENCIES), np.deg2rad(PHASES), indexing="ij"
    )
    across = np.multiply.outer(np.cos(angle), x) + np.multiply.outer(np.sin(angle), y)
    wave = 2 * np.pi * frequency[..., None, None] / shape[1] * across + phase[..., None, None]
    return (contrast * np.sqrt(2) * np.cos(wave)).reshape(-1, shape[0] * shape[1])


def whole_windows(parameters: Parameters, duration):
    """Return the windows of tau that are nearest to a duration."""
    return max(1, round(float(duration / parameters.tau)))


def settled(parameters, noise, images, seed):
    """R2 of images decoded from one window of tau, after 16, at the mean of the shared gain."""
    others = replace(noise, shared_gain=0)
    figures, _ = evaluate(parameters, images, noise=others, seed=seed, progress=False)
    return {"r2": figures["r2"]}


def natural(parameters, noise, images, n_repeats, n_copies, seed):
    """Figures of repeated natural images after grey: variability, rates, R2."""
    # The gain that all neurons share is put into the stimuli, so that R2 can be of what they stand
    # for, with the gain of the trial.
    rng, size = np.random.default_rng(seed), noise.shared_gain
    others = replace(noise, shared_gain=0)
    number = np.repeat(np.arange(len(images)), n_repeats)
    gain = np.exp(size * rng.standard_normal((len(number), 1)) - size**2 / 2)
    movies = np.zeros((len(number), 2, images.shape[1]), np.float32)
    movies[:, 1] = gain * images[number]
    n = whole_windows(parameters, 200 * ms)
    length = n * parameters.tau
    network = SpikingNetwork(parameters, n_copies=n_copies, noise=others, record_spikes=False)
    counts = network.present_movie(movies, [length, length], seed=seed).counts
    seconds = float(length / second)
    shown = counts[:, n:].sum(axis=1, keepdims=True)
    timing = Timing(dt=seconds, n_steps=1, steps_per_window=1)
    recording = Recording(shown, timing, conditions={"image": number})
    statistics = count_statistics(recording)
    fano, gains = statistics.fano_factor(), statistics.gain_variance()
    correlations = noise_correlations(recording).correlations
    grey = counts[:, n // 2 : n].sum(axis=1).mean(axis=0) / ((n - n // 2) * float(parameters.tau))
    rates = shown.mean(axis=(0, 1)) / seconds
    decoded = parameters.decode(counts[:, -1])
    figures = {
        "r2_after_200_ms": float(np.nanmean(r_squared(movies[:, 1], decoded))),
        "r2_without_knowing_the_gain": float(np.nanmean(r_squared(images[number], decoded))),
        "rate": float(np.median(rates)),
        "rate_99": float(np.percentile(statistics.means / seconds, 99)),
        "log10_rate_sd": float(np.log10(rates[rates > 0]).std()),
        "spontaneous_rate": float(np.median(grey)),
        "log10_spontaneous_sd": float(np.log10(grey[grey > 0]).std()),
    }
    for name, values in (
        ("fano_factor", fano),
        ("gain_variance", gains),
        ("noise_correlation", correlations),
    ):
        figures[name] = float(np.nanmedian(values))
        figures[f"{name}_ks"] = distance_to_percentiles(values, reference(name).percentiles)
    return figures


def responses(parameters, noise, contrast, seed):
    """Return rates (orientation, frequency, phase, neuron) for gratings, after 50 ms or so."""
    shown = gratings(parameters.stimulus_shape, contrast)
    network = SpikingNetwork(parameters, n_copies=N_COPIES, noise=noise, record_spikes=False)
    n = whole_windows(parameters, 200 * ms) + 1
    counts = network.present(shown, n * parameters.tau, seed=seed).counts[:, 1:].mean(axis=1)
    shape = len(ORIENTATIONS), len(FREQUENCIES), len(PHASES), parameters.n_neurons
    return counts.reshape(shape) / float(parameters.tau)


def tuned(parameters, noise, seed):
    """Figures of gratings: tuning at each neuron's best spatial frequency, and F1/F0."""
    rates = responses(parameters, noise, CONTRAST, seed).mean(axis=2)
    best = rates.max(axis=0).argmax(axis=0)
    curves = rates[:, best, np.arange(parameters.n_neurons)]
    responds = curves.max(axis=0) > RESPONDS
    curves = curves[:, responds]
    found = {
        "circular_variance": circular_variance(curves, ORIENTATIONS),
        "half_bandwidth": half_bandwidth(smoothed(curves, ORIENTATIONS), ORIENTATIONS),
    }
    figures = {"responsive": int(responds.sum())}
    for name, values in found.items():
        figures[name] = float(np.nanmedian(values))
        figures[f"{name}_ks"] = distance_to_percentiles(values, reference(name).percentiles)
    # A grating that drifts has one gain for all phases; here each phase is a trial.
    constant = replace(noise, shared_gain=0)
    return figures | modulated(parameters, responses(parameters, constant, HIGH_CONTRAST, seed))


def modulated(parameters, by_phase):
    """F1/F0 at the best grating of single neurons and of pools, of phases one after the other."""
    mean, wave = by_phase.mean(axis=2), np.exp(1j * np.deg2rad(PHASES))
    responds = mean.max(axis=(0, 1)) > RESPONDS
    best = np.unravel_index(mean.reshape(-1, mean.shape[2]).argmax(axis=0), mean.shape[:2])
    orientation = np.where(responds, ORIENTATIONS[best[0]], np.nan)
    # Of the dictionary: which neurons are opposite in phase is not told by noisy rates.
    drive = parameters.drive(gratings(parameters.stimulus_shape, HIGH_CONTRAST))
    drive = np.maximum(drive - parameters.threshold, 0).reshape(by_phase.shape)
    harmonics = np.einsum("ofpn,p->ofn", drive, wave)[best]
    frequency = np.array(FREQUENCIES)[best[1]]
    pools = Pools.of_similar(orientation, frequency, harmonics=harmonics)
    singles = Pools([[neuron] for neuron in np.flatnonzero(responds)])
    figures = {}
    for name, units in (("f1_f0_of_neurons", singles), ("f1_f0_of_pools", pools)):
        summed = np.stack([by_phase[..., pool].sum(axis=3) for pool in units.members], axis=3)
        summed = summed.reshape(-1, len(PHASES), len(units))
        place = summed.mean(axis=1).argmax(axis=0)
        curves = summed[place, :, np.arange(len(units))]
        ratio = 2 * np.abs(curves @ wave) / curves.sum(axis=1)
        figures[name] = float(np.median(ratio))
        figures[f"{name}_ks"] = distance_to_percentiles(ratio, reference("f1_f0").percentiles)
    return figures


def regular(parameters, noise, images, n_tau, seed):
    """Median over neurons and images of the coefficient of variation of intervals."""
    network = SpikingNetwork(parameters, n_copies=len(images), noise=noise, record_spikes=True)
    spikes = network.present(images, n_tau * parameters.tau, seed=seed).spikes
    train = spikes.trial * parameters.n_neurons + spikes.neuron
    late = spikes.time > 2 * float(parameters.tau)
    order = np.lexsort((spikes.time[late], train[late]))
    train, time = train[late][order], spikes.time[late][order]
    same = np.diff(train) == 0
    train, interval = train[1:][same], np.diff(time)[same]
    n, total, squares = (np.bincount(train, w) for w in (None, interval, interval**2))
    enough = n >= LEAST_INTERVALS
    mean = total[enough] / n[enough]
    variance = np.maximum(squares[enough] / n[enough] - mean**2, 0)
    return {"interval_cv": float(np.median(np.sqrt(variance) / mean)), "trains": int(enough.sum())}


def measure(
    parameters, noise, images, *, n_images=N_IMAGES, n_repeats=N_REPEATS, n_coded=N_CODED, seed=0
):
    """Return all figures of a model with its noise."""
    rng = np.random.default_rng(seed)
    shown = images[rng.choice(len(images), n_images, replace=False)]
    long = images[rng.choice(len(images), N_LONG, replace=False)]
    return (
        settled(parameters, noise, images[rng.choice(len(images), n_coded, replace=False)], seed)
        | natural(parameters, noise, shown, n_repeats, N_COPIES, seed)
        | tuned(parameters, noise, seed)
        | regular(parameters, noise, long, LONG_TAU, seed)
    )


def onset(parameters, noise, *, quick=False, seed=0):
    """Return what the onset of photographs does to variability, and what the code is worth."""
    subject = Subject(parameters, noise=noise, quick=quick, seed=seed, progress=False)
    recording = subject.recording("repeated_images")
    return {
        "fall_at_onset_percent": quenching(recording).distribution.median,
        "fano_factor": fano_factor(recording).distribution.median,
        "spontaneous_rate": 10 ** spontaneous_rate(recording).distribution.median,
        "r2": reconstruction(subject),
    }


def main(arguments=None):
    """Print the figures of vanhateren-512, as shipped and with the preset."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=default_data(), help="file of van Hateren patches")
    parser.add_argument("--json", help="write the figures here")
    parser.add_argument("--onset", action="store_true", help="noise of pixels and the onset")
    given = parser.parse_args(arguments)
    model = load_model("vanhateren-512")
    preset = physiological(model)
    if given.onset:
        figures = {
            name: onset(preset.parameters, replace(preset.noise, **changed))
            for name, changed in ONSETS.items()
        }
    elif given.data is None:
        parser.error("--data: a file of van Hateren patches is needed")
    else:
        images = load_stimuli(given.data).validation
        figures = {
            "shipped": measure(model, Noise(), images),
            "preset": measure(preset.parameters, preset.noise, images),
        }
    print(" " * 30 + "".join(f"{name:>16}" for name in figures))
    for name in figures["preset"]:
        print(f"{name:30}" + "".join(f"{one[name]:16.3f}" for one in figures.values()))
    if given.json:
        write_json(given.json, figures)


if __name__ == "__main__":
    main()
