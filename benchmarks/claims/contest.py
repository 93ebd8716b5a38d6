"""Contestants: how each is fitted, used at every setting of its trade-off, and scored."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from benchmarks.baselines import RIVALS, rival
from benchmarks.claims.cells import Cell, Cells
from benchmarks.claims.measures import largest_kept, score
from benchmarks.claims.ours import AdaptiveSpikingVAE, SpikingVAE

OURS = {"ours": SpikingVAE, "ours_adaptive": AdaptiveSpikingVAE}
# On our own dictionary, so that it bounds what any inference could make of it.
ORACLE = "matching_pursuit"
# Zeros at which codes are compared.
LEVELS = (0.8, 0.85, 0.9, 0.95)
# Stimuli that are inferred at a time.
ROWS = 2000


@dataclass(frozen=True)
class Setup:
    """One run of the experiments.

    Parameters
    ----------
    cells : Cells
        Where results are kept.
    quick : bool
        8 x 8 digits, no downloads: to see that everything works.
    minutes : float
        Of CPU for each training of a rival, and of ours where it is trained in the run.
    seeds : int
        Trainings on digits of each contestant.
    n_test, n_codes, n_choice, n_outside, n_patches : int
        Test digits; training digits whose codes a classifier learns from; validation digits on
        which settings are chosen; stimuli of each set outside; held-out natural patches.
    n_shipped : int
        Training digits whose codes by the models that come with the package are classified.
    n_values : int
        Trainings of contestants that have to be trained anew for each value of their trade-off.
    n_latents : int
    digits, patches : path-like, optional
        Files of MNIST and of natural patches.
    rivals : tuple of str
    log : callable
    """

    cells: Cells
    quick: bool = False
    minutes: float = 1.5
    seeds: int = 3
    n_test: int = 10_000
    n_codes: int = 10_000
    n_choice: int = 1000
    n_outside: int = 1000
    n_patches: int = 1000
    n_shipped: int = 55_000
    n_values: int = 3
    n_latents: int = 512
    digits: object = None
    patches: object = None
    rivals: tuple = tuple(RIVALS)
    log: Callable = field(default=print, repr=False)

    @property
    def contestants(self):
        """Classes by key, ours first."""
        return OURS | {key: rival(key) for key in self.rivals}

    def kind(self, key):
        """Return the class of a contestant."""
        return OURS[key] if key in OURS else rival(key)


@dataclass(frozen=True)
class Training:
    """How a contestant comes to its weights: in this run, on these stimuli.

    Parameters
    ----------
    setup : Setup
    key : str
        Of the contestant. Both of ours are one training, used with other settings.
    name : str
        Of the stimuli.
    stimuli : numpy.ndarray, shape (n_stimuli, n_pixels)
    seed : int, default 0
    n_latents : int, optional
        By default that of the setup.
    settings : dict of str to dict, optional
        By contestant.
    """

    setup: Setup
    key: str
    name: str
    stimuli: np.ndarray
    seed: int = 0
    n_latents: int | None = None
    settings: dict = field(default_factory=dict)

    def model(self):
        """Return the fitted contestant, from its file if it has been fitted before."""
        setup, n_latents = self.setup, self.n_latents or self.setup.n_latents
        kind, settings = setup.kind(self.key), self.settings.get(self.key, {})
        if self.key in ("ours_adaptive", ORACLE):
            # With the dictionary of the paper's dynamics.
            base = replace(self, key="ours").model()
            made = kind(self.stimuli.shape[1], n_latents, seed=self.seed, **settings)
            made.set_dictionary(base.dictionary)
            made.history_ = base.history_
            return made
        told = {
            "minutes": setup.minutes,
            "n_latents": n_latents,
            "seed": self.seed,
            "n_stimuli": len(self.stimuli),
            "settings": kind.DEFAULTS | settings,
        }
        if self.key == "ours":  # whatever it is used with afterwards
            told["settings"] = {name: told["settings"][name] for name in kind.OF_TRAINING}
        cell = Cell(
            f"model/{self.name}/{self.key}", told, partial(self._fit, kind, n_latents, settings)
        )
        return setup.cells.model(cell, kind)

    def _fit(self, kind, n_latents, settings):
        self.setup.log(f"  fits {kind.NAME} to {self.name}, seed {self.seed} {settings or ''}")
        made = kind(self.stimuli.shape[1], n_latents, seed=self.seed, **settings)
        return made.fit(self.stimuli, minutes=self.setup.minutes, progress=None)


def fingerprint(parameters):
    """Return numbers that are others for every other trained model, for names of cells."""
    return [
        float(np.abs(parameters.dictionary).sum()),
        float(parameters.threshold.mean()),
        float(parameters.natural_gradient_step.mean()),
    ]


def infer(model, stimuli, **options):
    """Return codes of many stimuli, a part at a time; those that diverged are all zeros."""
    begins = range(0, len(stimuli), ROWS)
    return finite(np.concatenate([model.infer(stimuli[b : b + ROWS], **options) for b in begins]))


def finite(codes):
    """Return codes in which those that are not finite are zeros: no code at all."""
    return np.where(np.isfinite(codes).all(axis=1, keepdims=True), codes, 0)


def at(model, value):
    """Return the model at a value of its trade-off, without another training."""
    return model.with_settings(**{model.TRADE_OFF.setting: value})


def values(model):
    """Return the values of the trade-off that need no training.

    For a model whose values need one each, that is the value it was trained with. Numbers of
    latents in use are no larger than there are latents.
    """
    name, known, retrain = model.TRADE_OFF
    if retrain:
        return (model.settings[name],)
    if name.startswith("n_"):
        return tuple(value for value in known if value <= model.n_latents)
    return known


def curve(model, stimuli):
    """Return scores at every value of the trade-off that needs no training, as a list of dicts."""
    name, points = model.TRADE_OFF.setting, []
    for value in values(model):
        used = at(model, value)
        codes = infer(used, stimuli)
        points.append({name: value} | score(stimuli, codes, used.decode(codes)))
    return points


def truncated(model, stimuli):
    """Return R2 of the densest code, cut to its largest entries at each of `LEVELS`."""
    known = values(model)
    ends = {value: infer(at(model, value), stimuli) for value in {known[0], known[-1]}}
    value = min(ends, key=lambda value: (ends[value] == 0).mean())
    model, codes = at(model, value), ends[value]
    kept = {level: largest_kept(codes, level) for level in LEVELS}
    return {
        f"{level:g}": score(stimuli, code, model.decode(code))["r2"] for level, code in kept.items()
    }


def chosen(model, stimuli):
    """Return the model at the value of its trade-off that has the smallest d on these stimuli."""
    if len(values(model)) == 1:
        return model
    points = curve(model, stimuli)
    best = min(points, key=lambda point: point["distance"])
    return at(model, best[model.TRADE_OFF.setting])


def over_steps(model, stimuli, steps):
    """Return scores after each of some numbers of steps; of models without steps, after the one.

    Returns
    -------
    list of dict
        Scores with n_steps.
    """
    if not model.ITERATIVE:
        codes = infer(model, stimuli)
        return [{"n_steps": 1} | score(stimuli, codes, model.decode(codes))]
    codes = []
    model.infer(stimuli, max(steps), after_step=lambda code: codes.append(finite(code)))
    return [
        {"n_steps": n} | score(stimuli, codes[n - 1], model.decode(codes[n - 1])) for n in steps
    ]
