"""Digits: reconstruction, zeros and what a classifier makes of the code; several seeds."""

from functools import partial

import numpy as np

from benchmarks.claims.cells import Cell
from benchmarks.claims.contest import ORACLE, OURS, Training, chosen, curve, infer
from benchmarks.claims.data import mnist, small_digits
from benchmarks.claims.measures import accuracy, score

TITLE = "Digits"
# Settings for digits that were found on validation digits, for our 512 and 1024 neurons; all others
# are those of natural patches.
LEARNED = {
    "training_sparsity": 0.3,
    "training_gain": 12.0,
    "n_windows": 4,
    "windows_left_out": 2,
}
ADAPTIVE = {
    "spike_size": 0.2,
    "gain": 24.0,
    "sparsity": 0.3,
    "half_threshold_rate": 0.3,
    "threshold_memory": 1.0,
}
SETTINGS = {"ours": LEARNED | {"gain": 9.0}, "ours_adaptive": LEARNED | ADAPTIVE}
WIDE_SETTINGS = SETTINGS
# Where our wide network counts, too.
WIDE = 1024
N_CHOICE = 1000


def load(setup):
    """Return the digits of a run: MNIST, or in a quick one the small ones of scikit-learn."""
    return small_digits() if setup.quick else mnist(setup.digits)


def training(setup, digits, key, seed=0, n_latents=None):
    """Return how a contestant comes to its weights."""
    settings = WIDE_SETTINGS if n_latents == WIDE else SETTINGS
    return Training(setup, key, "digits", digits.train, seed, n_latents, settings)


def settings_of(setup, key, n_latents=None):
    """Return everything that a contestant's code depends on but its weights, for names of cells."""
    settings = WIDE_SETTINGS if n_latents == WIDE else SETTINGS
    told = setup.kind(key).DEFAULTS | settings.get(key, {})
    return told | {"dictionary of": settings["ours"]} if key == ORACLE else told


def cells(setup):
    """Return everything to compute: contestant, number of latents, seed."""
    digits, found = load(setup), []
    for key in setup.contestants:
        for seed in range(setup.seeds):
            found.append(_cell(setup, digits, key, setup.n_latents, seed))
    if not setup.quick:
        found += [_cell(setup, digits, key, WIDE, 0) for key in OURS]
    return found


def _cell(setup, digits, key, n_latents, seed):
    told = {
        "settings": settings_of(setup, key, n_latents),
        "minutes": setup.minutes,
        "n_test": setup.n_test,
        "n_codes": setup.n_codes,
        "n_train": len(digits.train),
    }
    work = partial(_measured, setup, digits, key, n_latents, seed)
    return Cell(f"digits/{key}/{n_latents}/{seed}", told, work)


def _measured(setup, digits, key, n_latents, seed):
    model = training(setup, digits, key, seed, n_latents).model()
    return measured(model, digits, setup.n_test, setup.n_codes)


def measured(model, digits, n_test, n_codes):
    """Return what the code of a fitted model is worth on test digits, as a dict.

    The value of its trade-off is the one with the smallest d on validation digits; codes of one
    sample, those of the last step or window, are decoded and classified.
    """
    used = chosen(model, digits.validation[:N_CHOICE])
    test, labels = digits.test[:n_test], digits.test_labels[:n_test]
    codes = infer(used, test)
    train_codes = infer(used, digits.train[:n_codes])
    name = model.TRADE_OFF.setting
    return {
        **score(test, codes, used.decode(codes)),
        **accuracy(train_codes, digits.train_labels[:n_codes], codes, labels),
        "setting": {name: used.settings[name]},
        "points": curve(model, test[:N_CHOICE]),
        "n_parameters": model.n_parameters,
        "training_seconds": model.history_[-1]["cpu_seconds"] if model.history_ else None,
    }


def summary(results):
    """Return rows (means and standard deviations over seeds) and figures.

    Parameters
    ----------
    results : dict of str to dict
        By the name of the cell.
    """
    seeds = {}
    for name, result in results.items():
        _, key, n_latents, _ = name.split("/")
        seeds.setdefault(f"{key}/{n_latents}", []).append(result)
    names = ("r2", "squared_error", "zeros", "distance", "spikes", "accuracy")
    rows = {
        label: {name: float(np.mean([one[name] for one in found])) for name in names}
        | {f"{name}_sd": float(np.std([one[name] for one in found])) for name in names}
        | {"n_parameters": found[0]["n_parameters"], "n_seeds": len(found)}
        | {"training_seconds": _mean([one["training_seconds"] for one in found])}
        for label, found in seeds.items()
    }
    figures = {}
    for width in sorted({label.split("/")[1] for label in rows}):
        ours = {key: rows[f"{key}/{width}"] for key in OURS if f"{key}/{width}" in rows}
        if not ours:
            continue
        better = min(ours, key=lambda key: ours[key]["distance"])
        for key, row in ours.items():
            figures |= {f"mnist_{width}_{name}_{key}": row[name] for name in names}
        figures |= {f"mnist_{width}_{name}": ours[better][name] for name in names}
        figures[f"mnist_{width}_setting"] = better
    return {"rows": rows, "figures": figures}


def _mean(values):
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
