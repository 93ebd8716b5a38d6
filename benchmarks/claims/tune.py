"""Find settings of the rivals for digits: ``python -m benchmarks.claims.tune [--only lca,...]``.

Each contestant that is trained gets a handful of short trainings of equal CPU time on MNIST's
training digits, and is scored on digits that nothing learns from: by d where its codes can hold
zeros, otherwise by R2. What was tried, and what came of it, is in tried.json beside this file;
`digits.SETTINGS` holds the best. Trainings that are limited by time depend on the machine.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.baselines import rival
from benchmarks.claims.contest import curve
from benchmarks.claims.data import mnist
from ipvae_brian._tools.files import write_json

TRIED = Path(__file__).with_name("tried.json")
SECONDS = 24
N_LATENTS = 512
N_CHOICE = 400


def known():
    """Return what was tried: a list of dicts with contestant, settings, r2, zeros, distance.

    Trainings that diverged have `diverged` instead of scores.
    """
    return json.loads(TRIED.read_text())["trials"]


def best_trial(trials, key):
    """Return the trial of a contestant that did best, or None if there is none.

    Parameters
    ----------
    trials : list of dict
        As `known` returns them.
    key : str
    """
    finite = [t for t in trials if t["contestant"] == key and "diverged" not in t]
    if not finite:
        return None
    # Without PyTorch the class is not there to ask.
    if max(t["zeros"] for t in finite) > 0:
        return min(finite, key=lambda trial: trial["distance"])
    return max(finite, key=lambda trial: trial["r2"])


def trial(key, settings, digits, seconds=SECONDS, n_latents=None):
    """Return what a short training with some settings comes to, as a dict.

    Parameters
    ----------
    key : str
        Of the contestant.
    settings : dict
    digits : benchmarks.claims.data.Digits
    seconds : float
        Of CPU.
    n_latents : int, optional
        By default 512.
    """
    told = {"contestant": key, "settings": settings}
    model = rival(key)(digits.train.shape[1], n_latents or N_LATENTS, seed=0, **settings)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            model.fit(digits.train, minutes=seconds / 60, progress=False)
    except FloatingPointError as error:
        return told | {"diverged": str(error)}
    point = min(curve(model, digits.validation[:N_CHOICE]), key=lambda one: one["distance"])
    return told | {name: round(point[name], 4) for name in ("r2", "zeros", "distance")}


def main(arguments=None):
    """Try again what was tried, and write what comes of it."""
    top = argparse.ArgumentParser("python -m benchmarks.claims.tune", description=__doc__)
    top.add_argument("--only", help="some contestants, divided by commas")
    top.add_argument("--digits", type=Path, help="MNIST as .npz; otherwise IPVAE_SHARED or OpenML")
    top.add_argument("--seconds", type=float, default=SECONDS, help="of CPU for each training")
    top.add_argument("--out", type=Path, default=TRIED)
    options = top.parse_args(arguments)
    digits, found = mnist(options.digits), []
    keys = options.only.split(",") if options.only else None
    for one in known():
        if keys is None or one["contestant"] in keys:
            found.append(trial(one["contestant"], one["settings"], digits, options.seconds))
            print(json.dumps(found[-1]), flush=True)
    write_json(options.out, {"seconds": options.seconds, "n_choice": N_CHOICE, "trials": found})


if __name__ == "__main__":
    main()
