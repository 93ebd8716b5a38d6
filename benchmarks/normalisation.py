"""Contrast response and plaids: what normalises, the front end, competition, or inference.

``python -m benchmarks.normalisation`` prints the figures of docs/theory.md, section 14, and with
``--figure`` draws them. Rates are those of the equations without spiking noise; ``--spikes``
repeats the inferred contrast with spikes, for a few neurons.
"""

import argparse
from dataclasses import replace

import numpy as np
from brian2.only import ms

from benchmarks.common import default_data
from ipvae_brian import load_model
from ipvae_brian._tools.files import write_json
from ipvae_brian.network.contrast import ContrastPrior, contrast_network, infer_contrast
from ipvae_brian.network.loop_gain import mean_field_rates
from ipvae_brian.physiology import CrossOrientation, cross_orientation, fit_naka_rushton
from ipvae_brian.response import metrics
from ipvae_brian.stimuli import load_stimuli
from ipvae_brian.stimuli.drawings import Grating, Plaid
from ipvae_brian.stimuli.session import Session

CONTRASTS = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.7, 1.0)
# Contrast of the preferred grating and of the mask at right angles.
PLAIDS = ((0.5, 0.5), (0.25, 0.5))
MASK_PHASES = (0, 90, 180, 270)
# Cycles per patch.
FREQUENCIES = (1, 2, 3, 4, 5, 6)
# Spikes per tau at the preferred grating, for a neuron to be looked at.
RESPONSIVE = 4.0
# In Hz, of a grating alone, for a plaid to be compared with it: of next to nothing, spikes that a
# mask adds are thousands of times as many.
LOWEST_RATE = 5.0
# What is shown in the network of spikes: contrasts, and how long in tau.
SPIKING_CONTRASTS, SPIKING_TAU, SETTLED_TAU = (0.1, 0.3, 1.0), 25, 15
SPIKING_DT = 0.1 * ms
# A spike lowers its neuron's potential g^2 times as much as without a contrast, so the gain has to
# be smaller. Where rates settle does not depend on it.
SPIKING_GAIN = 1.5


def shown(drawings, front_end, shape):
    """Return drawings as the model takes them, (n, n_pixels), through a front end or without."""
    session = Session(
        "normalisation", drawings, {"number": np.arange(len(drawings))},
        shape=shape, frame_durations=100 * ms, grey_before=0 * ms,
    )  # fmt: skip
    return session.movies(front_end)[:, 0]


def preferred_gratings(model, n_neurons, seed=0):
    """Return responsive neurons, drawn at random, and the grating that each prefers."""
    gratings = [
        Grating(
            direction=direction, spatial_frequency=cycles / model.stimulus_shape[1], phase=phase
        )
        for direction in np.arange(0, 180, 7.5)
        for cycles in FREQUENCIES
        for phase in np.arange(0, 360, 45.0)
    ]
    rates = mean_field_rates(model, shown(gratings, None, model.stimulus_shape))
    responsive = np.flatnonzero(rates.max(axis=0) > RESPONSIVE)
    rng = np.random.default_rng(seed)
    neurons = np.sort(rng.choice(responsive, min(n_neurons, len(responsive)), replace=False))
    return neurons, [gratings[i] for i in rates[:, neurons].argmax(axis=0)]


def stimuli_of(grating):
    """Return one neuron's gratings of all contrasts, then for each plaid: alone, plaids, masks."""
    drawings = [replace(grating, contrast=contrast) for contrast in CONTRASTS]
    for contrast, mask_contrast in PLAIDS:
        alone = replace(grating, contrast=contrast)
        masks = [
            replace(grating, direction=grating.direction + 90, phase=phase, contrast=mask_contrast)
            for phase in MASK_PHASES
        ]
        drawings += [alone, *(Plaid((alone, mask)) for mask in masks), *masks]
    return drawings


def conditions(model, prior):
    """Return by name what light goes through, and the rates of stimuli."""

    def of_model(lateral):
        return lambda x: mean_field_rates(model, x, 200, lateral=lateral)

    def inferred(lateral):
        return lambda x: infer_contrast(model, x, prior, lateral=lateral).rates

    maximum, divisive = (
        model.front_end.replace(normalisation=kind) for kind in ("maximum", "divisive")
    )
    return {
        "no normalisation": (None, of_model("all")),
        "no normalisation, no competition": (None, of_model("self")),
        "front end of training": (maximum, of_model("all")),
        "front end of training, no competition": (maximum, of_model("self")),
        "divisive front end": (divisive, of_model("all")),
        "divisive front end, no competition": (divisive, of_model("self")),
        "inferred contrast": (None, inferred("all")),
        "inferred contrast, no competition": (None, inferred("self")),
    }


def measure(model, neurons, gratings, front_end, rates_of):
    """Return contrast responses (n_contrasts, n_neurons) in Hz, and the plaids' comparisons."""
    drawings = [one for grating in gratings for one in stimuli_of(grating)]
    rates = rates_of(shown(drawings, front_end, model.stimulus_shape)) / float(model.tau)
    n = len(neurons)
    own = rates.reshape(n, -1, model.n_neurons)[np.arange(n), :, neurons]
    responses, rest = own[:, : len(CONTRASTS)].T, own[:, len(CONTRASTS) :]
    plaids = []
    for part in np.split(rest, len(PLAIDS), axis=1):
        alone, plaid, mask = np.split(part, [1, 1 + len(MASK_PHASES)], axis=1)
        compared = cross_orientation(plaid.mean(axis=1), alone[:, 0], mask.mean(axis=1))
        fired = alone[:, 0] >= LOWEST_RATE
        plaids.append(
            CrossOrientation(*(np.where(fired, ratio, np.nan) for ratio in vars(compared).values()))
        )
    return responses, plaids


def figures_of(responses, plaids):
    """Return quartiles of exponent, half contrast and plaid ratio over neurons."""
    fit = fit_naka_rushton(CONTRASTS, responses)
    at = {contrast: responses[CONTRASTS.index(contrast)] for contrast in (0.5, 1.0)}
    found = {
        "exponent": fit.exponent,
        "c50": fit.c50,
        "fit": fit.r_squared,
        "full_to_half_contrast": np.divide(
            at[1.0], at[0.5], out=np.full_like(at[1.0], np.nan), where=at[0.5] > 0
        ),
    }
    for (contrast, mask), one in zip(PLAIDS, plaids, strict=True):
        found[f"plaid_to_preferred_{contrast:g}_{mask:g}"] = one.to_best
        found[f"plaid_to_mean_{contrast:g}_{mask:g}"] = one.to_mean
    return {
        name: np.nanpercentile(values, (25, 50, 75)).round(4).tolist()
        for name, values in found.items()
    }


def with_spikes(model, neurons, gratings, prior, n=1, n_tau=SPIKING_TAU, seed=0):
    """Return rates in Hz of a few neurons in the network of spikes, and without spiking noise."""
    drawings = [
        replace(grating, contrast=contrast)
        for grating in gratings[:n]
        for contrast in SPIKING_CONTRASTS
    ]
    stimuli = shown(drawings, None, model.stimulus_shape)
    expected = infer_contrast(model, stimuli, prior)
    slower = model.with_gain(SPIKING_GAIN)
    rows = []
    for i, x in enumerate(stimuli):
        network, group, unit = contrast_network(slower, x, prior, SPIKING_DT, seed=seed + i)
        network.run(SETTLED_TAU * model.tau, namespace={})
        before, log_contrast = group.expected_count[:].copy(), []
        for _ in range(n_tau):
            network.run(model.tau, namespace={})
            log_contrast.append(float(unit.log_contrast[0]))
        own = neurons[i // len(SPIKING_CONTRASTS)]
        rate = (group.expected_count[own] - before[own]) / n_tau / float(model.tau)
        rows.append({
            "neuron": int(own),
            "contrast": SPIKING_CONTRASTS[i % len(SPIKING_CONTRASTS)],
            "rate": float(rate),
            "rate_without_noise": float(expected.rates[i, own]) / float(model.tau),
            "inferred": float(np.exp(np.mean(log_contrast))),
            "inferred_without_noise": float(expected.contrasts[i]),
        })  # fmt: skip
    return rows


def natural_patches(n=200):
    """Return whitened patches that were not trained on, of van Hateren if they are there."""
    data = default_data()
    if data is None:
        return load_stimuli("photographs", n_train=10, n_validation=n).validation[:n]
    return load_stimuli(data).validation[:n]


def code_of(model, images, prior):
    """Return R2 and spikes per tau of the code of images, without and with a contrast inferred."""
    plain = mean_field_rates(model, images, 300)
    found = infer_contrast(model, images, prior)
    decoded = found.contrasts[:, None] * model.decode(found.rates)
    return {
        "r2": metrics.mean_r_squared(metrics.r_squared(images, model.decode(plain))),
        "r2_inferred": metrics.mean_r_squared(metrics.r_squared(images, decoded)),
        "spikes": plain.sum(axis=1).mean(),
        "spikes_inferred": found.rates.sum(axis=1).mean(),
    }


def scan(model, neurons, gratings, means=(0.0, -0.5, -1.0), deviations=(0.05, 0.1, 0.15, 0.2)):
    """Return the figures for other priors of the contrast."""
    rows = []
    for mean in means:
        for deviation in deviations:
            prior = ContrastPrior(mean=mean, deviation=deviation)
            found = measure(
                model, neurons, gratings, None, lambda x, p=prior: infer_contrast(model, x, p).rates
            )
            rows.append({"mean": mean, "deviation": deviation} | figures_of(*found))
    return rows


def line(name, figures):
    """Return figures as a line of text: medians and quartiles."""
    parts = [
        f"{label} {figures[key][1]:.2f} [{figures[key][0]:.2f} {figures[key][2]:.2f}]"
        for key, label in (
            ("exponent", "n"),
            ("c50", "c50"),
            ("full_to_half_contrast", "R(1)/R(.5)"),
            ("plaid_to_preferred_0.5_0.5", "plaid/preferred"),
            ("plaid_to_preferred_0.25_0.5", "with twice the mask"),
        )
    ]
    return f"{name}: {', '.join(parts)}"


def draw(path, responses, plaids):
    """Write the figure of all conditions that were measured."""
    from matplotlib.figure import Figure

    from ipvae_brian.plotting import plot_contrast_responses, plot_plaids

    figure = Figure(figsize=(10, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    plot_contrast_responses(CONTRASTS, responses, ax=left)
    plot_plaids(plaids, ax=right)
    figure.savefig(path, dpi=110)


def main(arguments=None):
    """Print, and write, what normalises in a model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="vanhateren-512")
    parser.add_argument("--neurons", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="PATH", help="where to write all figures")
    parser.add_argument("--figure", metavar="PATH", help="where to draw them")
    parser.add_argument("--scan", action="store_true", help="other priors of the contrast, too")
    parser.add_argument("--spikes", action="store_true", help="the inferred contrast with spikes")
    given = parser.parse_args(arguments)
    model, prior = load_model(given.model), ContrastPrior()
    neurons, gratings = preferred_gratings(model, given.neurons, given.seed)
    figures, responses, plaids = {}, {}, {}
    for name, (front_end, rates_of) in conditions(model, prior).items():
        found = measure(model, neurons, gratings, front_end, rates_of)
        responses[name], plaids[name] = found[0], found[1][0]
        figures[name] = figures_of(*found)
        print(line(name, figures[name]), flush=True)
    content = {"model": given.model, "n_neurons": len(neurons), "seed": given.seed}
    content |= {"prior": vars(prior), "conditions": figures}
    content["natural"] = code_of(model, natural_patches(), prior)
    print(", ".join(f"{name} {value:.3f}" for name, value in content["natural"].items()))
    if given.scan:
        content["scan"] = scan(model, neurons, gratings)
        for row in content["scan"]:
            print(line(f"mean {row['mean']:g}, deviation {row['deviation']:g}", row), flush=True)
    if given.spikes:
        content["spikes"] = with_spikes(model, neurons, gratings, prior, seed=given.seed)
        for row in content["spikes"]:
            print(", ".join(f"{name} {value:.3g}" for name, value in row.items()), flush=True)
    if given.figure:
        draw(given.figure, responses, plaids)
    if given.json:
        write_json(given.json, content)


if __name__ == "__main__":
    main()
