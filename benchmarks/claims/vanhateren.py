"""Natural patches: reconstruction against zeros, and against the steps of inference."""

from functools import partial

import numpy as np

from benchmarks.claims.cells import About, Cell
from benchmarks.claims.contest import (
    ORACLE,
    OURS,
    Training,
    at,
    curve,
    fingerprint,
    infer,
    over_steps,
    truncated,
)
from benchmarks.claims.data import NoData, shared
from benchmarks.claims.measures import score
from ipvae_brian import load_model
from ipvae_brian.stimuli import load_stimuli

TITLE = "Natural image patches"
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
QUICK_STEPS = (1, 2, 4, 8)
# Our trained models by key and number of neurons.
SHIPPED = {"ours": "{}-{}", "ours_adaptive": "{}-{}-adaptive"}


def patches(setup):
    """Return natural patches and the beginning of the names of the models trained on them.

    Van Hateren's, or in a quick run those of the photographs that come with the package.

    Raises
    ------
    NoData
        If van Hateren's are not there.
    """
    if setup.quick:
        return load_stimuli("photographs", n_train=5000, n_validation=200), "photographs"
    path = setup.patches or shared("vanhateren16_train_val")
    if path is None:
        raise NoData(
            "van Hateren's patches are not there: give a file with --patches, or set IPVAE_SHARED "
            "to the folder whose data/ has vanhateren16_train_val.npz"
        )
    return load_stimuli(path), "vanhateren"


def cells(setup):
    """Return everything to compute, in order; the name says which contestant and how wide."""
    stimuli, name = patches(setup)
    test = stimuli.validation[: setup.n_patches]
    sizes = {512} if setup.quick else {512, 1024}
    found = []
    for key in OURS:
        for n in sorted(sizes):
            model = load_model(SHIPPED[key].format(name, n))
            told = {"n_test": len(test), "fingerprint": fingerprint(model)}
            work = partial(_ours, key, model, test, setup)
            found.append(Cell(f"vanhateren/{key}/{n}", told, work, About(key, n)))
    for key in setup.rivals:
        for value in _values(setup, key):
            found.append(_rival_cell(setup, key, value, stimuli, name, test))
    return found


def _values(setup, key):
    """Return the values of the trade-off that a contestant is trained for: None is its default."""
    kind = setup.kind(key)
    name, values, retrain = kind.TRADE_OFF
    if not retrain or setup.n_values == 1:
        return [None]
    if setup.n_values >= len(values):
        return list(values)
    places = np.linspace(0, len(values) - 1, setup.n_values).round().astype(int)
    default = values.index(kind.DEFAULTS[name])
    if default not in places:  # between the ends, in place of the one next to it
        inner = places[1:-1] if len(places) > 2 else places
        inner[np.abs(inner - default).argmin()] = default
    return [values[place] for place in places]


def _rival_cell(setup, key, value, stimuli, name, test):
    kind = setup.kind(key)
    settings = {} if value is None else {kind.TRADE_OFF.setting: value}
    told = {
        "settings": kind.DEFAULTS | settings,
        "n_test": len(test),
        "minutes": setup.minutes,
        "n_train": len(stimuli.train),
        "n_latents": setup.n_latents,
    }
    label = "" if value is None else f"{kind.TRADE_OFF.setting}={value:g}"
    training = Training(setup, key, name, stimuli.train, settings={key: settings})
    if key == ORACLE:
        # On the dictionary of our model, which is not trained in this run.
        shipped = load_model(SHIPPED["ours"].format(name, 512))
        told |= {"fingerprint": fingerprint(shipped), "n_latents": 512}
        training = kind(shipped.n_pixels, 512, dictionary=shipped.dictionary)
    work = partial(_measured, setup, training, test)
    about = About(key, told["n_latents"], label=label)
    name = "/".join(filter(None, ("vanhateren", key, str(about.n_latents), label)))
    return Cell(name, told, work, about)


def _ours(key, model, test, setup):
    used = OURS[key].of_model(model)
    return _measured(setup, used, test)


def _measured(setup, contestant, test):
    """Return the curve and the convergence of a contestant that is trained, or is to be."""
    model = contestant.model() if isinstance(contestant, Training) else contestant
    codes = infer(model, test)
    used = score(test, codes, model.decode(codes))
    points = curve(model, test)
    name = model.TRADE_OFF.setting
    best = min([*points, used], key=lambda point: point["distance"])
    at_best = at(model, best.get(name, model.settings[name]))
    return {
        "used": used,
        "points": points,
        "truncated": truncated(model, test),
        "best": best,
        "steps": over_steps(at_best, test, QUICK_STEPS if setup.quick else STEPS),
        "n_parameters": model.n_parameters,
        "training_seconds": model.history_[-1]["cpu_seconds"] if model.history_ else None,
    }


def summary(results):
    """Return rows and figures from the results of all cells.

    The best of a contestant is over its trade-off and over the numbers of steps that were looked
    at, so that one which was trained with few steps and runs away after many is not judged by that.

    Parameters
    ----------
    results : dict of str to dict
        By the name of the cell.
    """
    parts = {}
    for result in results.values():
        about = result["about"]
        named = {name: about[name] for name in ("contestant", "n_latents")}
        label = "{contestant}/{n_latents}".format(**named)
        points = (result["best"], *result["steps"])
        parts.setdefault(label, []).extend(point | named for point in points)
    best = {
        label: min(points, key=lambda point: point["distance"]) for label, points in parts.items()
    }
    figures = {}
    ours = {key: best[f"{key}/512"]["distance"] for key in OURS if f"{key}/512" in best}
    for key, distance in ours.items():
        figures[f"vanhateren_512_distance_{key}"] = distance
        if f"{key}/1024" in best:
            figures[f"vanhateren_1024_distance_{key}"] = best[f"{key}/1024"]["distance"]
    if ours:
        figures["vanhateren_512_distance"] = min(ours.values())
        figures["vanhateren_512_setting"] = min(ours, key=ours.get)
        for key, other in (("lca", "lca"), ("oracle", ORACLE)):
            known = (b["distance"] for b in best.values() if b["contestant"] == other)
            rival = next(known, None)
            if rival is not None:
                figures[f"vanhateren_512_distance_over_{key}"] = min(ours.values()) / rival
                for name, distance in ours.items():
                    figures[f"vanhateren_512_distance_over_{key}_{name}"] = distance / rival
    return {"best": best, "figures": figures}
