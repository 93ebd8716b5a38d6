"""Out of distribution: models of digits on turned digits, clothes, letters and nature."""

from functools import partial

import numpy as np

from benchmarks.claims import digits as digits_experiment
from benchmarks.claims.cells import About, Cell
from benchmarks.claims.contest import (
    LEVELS,
    ORACLE,
    OURS,
    chosen,
    curve,
    infer,
    over_steps,
    truncated,
)
from benchmarks.claims.data import ANGLES, outside
from benchmarks.claims.measures import (
    SPARSE,
    Point,
    accuracy,
    best_at_zeros,
    distance,
    ranks,
    score,
)

TITLE = "Out of distribution"
STEPS = (1, 2, 4, 8, 16, 32, 64, 128)
QUICK_STEPS = (1, 2, 4)
# Zeros at which d is compared.
LEVEL = 0.9


def cells(setup):
    """Return everything to compute: contestant and set."""
    digits, found = digits_experiment.load(setup), []
    n_per_angle = max(10, setup.n_outside // len(ANGLES))
    sets = outside(digits, setup.n_outside, n_per_angle, downloads=not setup.quick)
    for key in setup.contestants:
        told = {
            "settings": digits_experiment.settings_of(setup, key),
            "minutes": setup.minutes,
            "n_outside": setup.n_outside,
            "n_choice": setup.n_choice,
            "n_latents": setup.n_latents,
            "n_train": len(digits.train),
        }
        for one in sets.values():
            per_kind = n_per_angle if one.name == "rotated" else len(one.stimuli)
            work = partial(_measured, setup, digits, key, one, per_kind)
            about = About(key, setup.n_latents, seed=0, label=one.name)
            found.append(Cell(f"outside/{key}/{one.name}", told, work, about))
    return found


def _measured(setup, digits, key, one, per_kind):
    model = digits_experiment.training(setup, digits, key).model()
    used = chosen(model, digits.validation[: setup.n_choice])
    codes = infer(used, one.stimuli)
    decoded = used.decode(codes)
    found = {
        "used": score(one.stimuli, codes, decoded),
        "points": curve(model, one.stimuli),
        "truncated": truncated(model, one.stimuli),
        "steps": over_steps(
            used, one.stimuli[: min(len(one.stimuli), 500)], QUICK_STEPS if setup.quick else STEPS
        ),
    }
    if one.labels is not None:
        # Turned copies of a digit are on the same side.
        learns = np.arange(len(codes)) % per_kind < per_kind // 2
        found |= accuracy(codes[learns], one.labels[learns], codes[~learns], one.labels[~learns])
    if one.name == "rotated":
        found["angles"] = {
            angle: score(
                *(part[i * per_kind : (i + 1) * per_kind] for part in (one.stimuli, codes, decoded))
            )
            for i, angle in enumerate(ANGLES)
        }
    return found


def at_equal_zeros(result):
    """Return R2 at each of `LEVELS` of zeros, None where the contestant has no such code."""
    points = [Point(p["zeros"], p["r2"]) for p in (*result["points"], result["used"])]
    return {
        level: best_at_zeros(points, result["truncated"][f"{level:g}"], level) for level in LEVELS
    }


def summary(results):
    """Return rows by set and contestant, and figures.

    A contestant's rank is by d at `LEVEL` zeros, and by R2 among codes with at least `SPARSE`
    zeros. Ours are ranked each among the rivals, without the other one and without the oracle,
    which has our own dictionary.

    Parameters
    ----------
    results : dict of str to dict
        By the name of the cell.
    """
    sets, figures = {}, {}
    for result in results.values():
        key, one = result["about"]["contestant"], result["about"]["label"]
        levels = at_equal_zeros(result)
        r2 = levels[LEVEL]
        sets.setdefault(one, {})[key] = {
            **{column: result["used"][column] for column in ("r2", "zeros", "distance")},
            "r2_at_equal_zeros": {f"{level:g}": value for level, value in levels.items()},
            "distance_at_equal_zeros": None if r2 is None else float(distance(r2, LEVEL)),
            "accuracy": result.get("accuracy"),
        }
    for one, rows in sets.items():
        figures |= _ranks(one, rows)
    return {"sets": sets, "figures": figures}


def _ranks(one, rows):
    figures = {}
    rivals = {key: row for key, row in rows.items() if key not in (*OURS, ORACLE)}
    for suffix, largest_first in (("", False), ("_r2", True)):
        found = {}
        for key in OURS:
            if key not in rows:
                continue
            among = rivals | {key: rows[key]}
            values = {
                name: row["r2_at_equal_zeros"][f"{SPARSE:g}"]
                if suffix
                else row["distance_at_equal_zeros"]
                for name, row in among.items()
            }
            ranked = ranks(values, largest_first=largest_first)
            if key in ranked:
                found[key] = figures[f"ood_rank_{one}{suffix}_{key}"] = ranked[key]
        if found:
            figures[f"ood_rank_{one}{suffix}"] = min(found.values())
    return figures
