"""What each part of the network is good for, and what it bears."""

from functools import partial

import numpy as np

from benchmarks.claims import digits as digits_experiment
from benchmarks.claims.cells import About, Cell
from benchmarks.claims.contest import OURS, curve
from benchmarks.claims.measures import score
from benchmarks.claims.ours import SpikingVAE
from ipvae_brian import stable_gain
from ipvae_brian.errors import DivergenceError

TITLE = "Ablations"
N_STIMULI = 1000
BITS = (8, 6, 4)
# The paper's dynamics trained by back-propagation, whose dictionary our network can use.
BACK_PROPAGATION = "poisson_iterative"


def variants(key):
    """Return what is changed about one of ours: label and keyword arguments of `variant`.

    Parameters
    ----------
    key : {"ours", "ours_adaptive"}
    """
    found = {
        "as it is": {},
        "inhibition of its own neuron only": {"lateral": "self"},
        # Rates rise to their bound, where spikes are too many to take one by one.
        "no inhibition": {"lateral": "off", "steps": 100},
    }
    found |= {f"leak {leak:g}": {"leak": leak} for leak in (0.03, 0.1, 0.3, 1.0)}
    found |= {f"gain x {factor:g}": {"gain": factor} for factor in (0.25, 0.5, 2.0)}
    found |= {
        f"dt = tau / {steps}" if steps > 1 else "dt = tau, gain made stable": {"steps": steps}
        for steps in (100, 20, 1)
    }
    found |= {f"spike size {size:g}": {"spike_size": size} for size in (0.1, 0.2, 0.4, 0.8)}
    if key == "ours":
        found["exact noise penalty"] = {"noise_penalty": 1.0}
        found["exact noise penalty, no sparsity"] = {"noise_penalty": 1.0, "sparsity": 0.0}
    found |= {f"pixel noise of {noise:g}": {"pixel_noise": noise} for noise in (0.1, 0.2, 0.4)}
    found |= {f"{lost:.0%} of spikes lost": {"lost": lost} for lost in (0.1, 0.3, 0.5)}
    return found | {f"weights of {bits} bits": {"bits": bits} for bits in BITS}


def quantised(dictionary, bits):
    """Return a dictionary whose weights have so many bits, on a scale that all of them share."""
    largest = 2 ** (bits - 1) - 1
    unit = np.abs(dictionary).max() / largest
    return np.round(dictionary / unit) * unit


def thinned(counts, lost, seed=0):
    """Return spike counts of which a share is lost, and the others stand for them."""
    kept = np.random.default_rng(seed).binomial(counts.astype(int), 1 - lost)
    return (kept / (1 - lost)).astype(np.float32)


def variant(
    model,
    stimuli,
    *,
    lateral=None,
    steps=None,
    gain=1.0,
    bits=None,
    pixel_noise=0.0,
    lost=0.0,
    **changes,
):
    """Return the scores of one of ours with something changed.

    Parameters
    ----------
    model : SpikingVAE
    stimuli : numpy.ndarray, shape (n_stimuli, n_pixels)
    lateral : {"all", "self", "off"}, optional
        Which neurons a spike inhibits, see `SpikingNetwork`.
    steps : int, optional
        Time steps per tau of the engine `numba`, where spikes inhibit at the next step. At 1, the
        discrete updates of the paper, the gain is the largest that is stable.
    gain : float, default 1
        Factor of the model's own.
    bits : int, optional
        Of the weights, feedforward, lateral and in decoding.
    pixel_noise : float, default 0
        Standard deviation of noise on the pixels; R2 is of the stimulus without it.
    lost : float, default 0
        Share of the spikes that do not reach the decoder.
    **changes
        Of the settings, or arguments of `Parameters.from_unit_dictionary`.
    """
    used = model.with_settings(
        gain=gain * model.settings["gain"],
        **{name: value for name, value in changes.items() if name in model.settings},
    )
    if bits is not None:
        used.set_dictionary(quantised(used.dictionary, bits))
    others = {name: value for name, value in changes.items() if name not in model.settings}
    parameters = used.parameters(**others)
    if bits is not None:  # not scaled back to columns of one length, but to one on average
        scale = used.settings["spike_size"] / np.linalg.norm(used.dictionary, axis=0).mean()
        parameters = parameters.replace(dictionary=used.dictionary * scale)
    shown = stimuli
    if pixel_noise:
        noise = np.random.default_rng(0).normal(0, pixel_noise, stimuli.shape)
        shown = (stimuli + noise).astype(np.float32)
    options = {} if lateral is None else {"lateral": lateral}
    if steps is not None:
        options |= {"engine": "numba", "dt": parameters.tau / steps}
        if steps == 1:
            parameters = parameters.with_gain(
                stable_gain(parameters, shown[:200], dt=parameters.tau)
            )
    try:
        # At discrete updates tau is a step, so it takes more of them.
        n_steps = 20 * used.settings["n_steps"] if steps == 1 else None
        codes = used.simulate(parameters, shown, n_steps, **options)
    except DivergenceError as error:
        return {"diverged": str(error)}
    codes = thinned(codes, lost) if lost else codes
    return score(stimuli, codes, parameters.decode(codes, np.float32))


def cells(setup):
    """Return everything to compute: which of ours, and what is changed."""
    digits, found = digits_experiment.load(setup), []
    test = digits.test[: min(N_STIMULI, setup.n_test)]
    for key in OURS:
        told = {
            "settings": digits_experiment.settings_of(setup, key),
            "minutes": setup.minutes,
            "n_test": len(test),
            "n_latents": setup.n_latents,
            "n_train": len(digits.train),
        }
        for label, changes in variants(key).items():
            work = partial(_changed, setup, digits, key, test, changes)
            about = About(key, setup.n_latents, seed=0, label=label)
            name = f"ablations/{key}/{label}"
            found.append(Cell(name, told | {"changes": changes}, work, about))
    if BACK_PROPAGATION in setup.rivals:
        for learned in ("counts", "back-propagation"):
            told = told | {"key": BACK_PROPAGATION, "settings": digits_experiment.SETTINGS["ours"]}
            work = partial(_dictionaries, setup, digits, test, learned)
            about = About("training", setup.n_latents, seed=0, label=learned)
            found.append(Cell(f"ablations/training/{learned}", told, work, about))
    return found


def _changed(setup, digits, key, test, changes):
    model = digits_experiment.training(setup, digits, key).model()
    return variant(model, test, **changes)


def _dictionaries(setup, digits, test, learned):
    """Return what the paper's dynamics make of a dictionary that counts or gradients taught."""
    ours = digits_experiment.training(setup, digits, "ours").model()
    taught = ours
    if learned == "back-propagation":
        taught = digits_experiment.training(setup, digits, BACK_PROPAGATION).model()
    dictionary = np.asarray(taught.arrays()["dictionary"], np.float32)
    settings = digits_experiment.SETTINGS["ours"]
    used = SpikingVAE(test.shape[1], dictionary.shape[1], **settings).set_dictionary(dictionary)
    points = curve(used, test)
    return {
        **min(points, key=lambda point: point["distance"]),
        "points": points,
        "training_seconds": taught.history_[-1]["cpu_seconds"],
    }


def summary(results):
    """Return rows by contestant and label.

    Parameters
    ----------
    results : dict of str to dict
        By the name of the cell.
    """
    rows = {}
    for result in results.values():
        key, label = result["about"]["contestant"], result["about"]["label"]
        kept = ("r2", "zeros", "distance", "spikes", "diverged", "training_seconds")
        rows.setdefault(key, {})[label] = {k: result[k] for k in kept if k in result}
    figures = {}
    for key in OURS:
        for bits in BITS:
            row = rows.get(key, {}).get(f"weights of {bits} bits", {})
            if "distance" in row:
                figures[f"mnist_{bits}_bits_distance_{key}"] = row["distance"]
    return {"rows": rows, "figures": figures}
