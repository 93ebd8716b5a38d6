"""Whether runs that diverge at the package's own time step are told: a search of random settings.

Each setting is simulated at the time step that the package chooses, and at a tenth of it. A run
that was returned without a word has to be like the other one; a run that was refused has to be one
that differs. ``python -m benchmarks.divergence 2000`` tries so many and prints a table.
"""

import argparse
import json
import math
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from ipvae_brian import DivergenceError, Parameters, SpikingNetwork, StabilityWarning

N_COPIES = 8
N_WINDOWS = 6
# Runs of more steps than this at a tenth of dt are left out: they take minutes.
MOST_STEPS = 200_000
# By what factors squared errors and spikes of two runs may differ: they are random, and fewer at a
# tenth of dt, where spikes are more regular.
ALIKE = (2.0, 2.0, 1.6, 1.6)


@dataclass
class Attempt:
    """The outcome of one setting.

    Parameters
    ----------
    number : int
        Which setting; `draw` returns it.
    outcome : str
        "returned", "warned" (returned, after a warning), "diverged" or "refused" (no time step is
        stable).
    dt, fine_dt : float
        In tau.
    error, spikes : list of float
        Squared error of the codes, and spikes, in a window: in the first and in those after it.
    fine_outcome : str
    fine_error, fine_spikes : list of float
        The same at a tenth of the step.
    seconds : float
    energy : float
        Mean sum of squares of the stimuli.
    """

    number: int
    outcome: str
    dt: float = math.nan
    error: list | None = None
    spikes: list | None = None
    fine_outcome: str = ""
    fine_error: list | None = None
    fine_spikes: list | None = None
    note: str = ""
    seconds: float = 0.0
    energy: float = 1.0

    @property
    def alike(self):
        """Whether both runs did the same, as far as chance allows."""
        if self.error is None or self.fine_error is None:
            return False
        pairs = [*zip(self.error, self.fine_error, strict=True)]
        pairs += [*zip(self.spikes, self.fine_spikes, strict=True)]
        # Small numbers are left to chance.
        floors = (0.1 * self.energy, 0.1 * self.energy, 3.0, 3.0)
        return all(
            max(pair) + floor < factor * (min(pair) + floor)
            for pair, floor, factor in zip(pairs, floors, ALIKE, strict=True)
        )

    @property
    def silently_wrong(self):
        """Whether a run was returned without a word that the finer step does not confirm."""
        return self.outcome == "returned" and self.fine_outcome != "too long" and not self.alike


def draw(number):
    """Return the parameters and stimuli of a setting."""
    rng = np.random.default_rng([number, 24])

    def log_uniform(low, high):
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    n_pixels = int(log_uniform(4, 150))
    n_neurons = int(log_uniform(4, 260))
    spike_size, variance = log_uniform(0.1, 1.0), log_uniform(0.1, 3.0)
    # By how much one spike lowers its neuron's potential; above 8 the package warns.
    jump = log_uniform(0.05, 8.0)
    rest = rng.uniform(-5, 5) if rng.random() < 0.5 else -2.0
    highest = rng.uniform(rest + 0.1, 9) if rng.random() < 0.4 else max(6.0, rest)
    lowest = rng.uniform(-10, min(rest, 0)) if rng.random() < 0.3 else -8.0
    scale = log_uniform(0.2, 6)
    parameters = Parameters.from_unit_dictionary(
        rng.normal(size=(n_pixels, n_neurons)) + rng.choice([0, 0, 0.5]),
        spike_size=spike_size,
        gain=jump * variance / spike_size,
        sparsity=log_uniform(0.01, 1) * scale / math.sqrt(variance),
        noise_penalty=rng.choice([0.0, 0.5, 1.0]),
        noise_variance=variance,
        leak=log_uniform(0.05, 20) if rng.random() < 0.4 else 0.0,
        resting_potential=rest,
        lowest_potential=min(lowest, rest),
        highest_potential=highest,
    )
    stimuli = rng.normal(size=(N_COPIES, n_pixels)) * scale
    if rng.random() < 0.2:
        stimuli = np.abs(stimuli)
    return parameters, stimuli


def figures(response):
    """Return squared errors and spikes in the first window and in those after it."""
    missed = response.stimuli - response.parameters.decode(response.counts)
    error = (missed**2).sum(axis=2).mean(axis=0)
    spikes = response.counts.sum(axis=2).mean(axis=0)
    return [[float(a[0]), float(a[1:].mean())] for a in (error, spikes)]


def attempt(number, engine="numba"):
    """Try one setting."""
    begin = time.perf_counter()
    parameters, stimuli = draw(number)
    tried = Attempt(number, "returned", energy=float((stimuli**2).sum(axis=1).mean()))
    duration = N_WINDOWS * parameters.tau
    options = {"n_copies": N_COPIES, "engine": engine}
    network = SpikingNetwork(parameters, **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            response = network.present(stimuli, duration, seed=number)
        except DivergenceError as error:
            tried.outcome, tried.note = "diverged", str(error)
        except ValueError as error:
            tried.outcome, tried.note = "refused", str(error)
        else:
            tried.error, tried.spikes = figures(response)
            told = [str(w.message) for w in caught if w.category is StabilityWarning]
            if told:
                tried.outcome, tried.note = "warned", told[-1]
    if network.dt is not None:
        tried.dt = float(network.dt / parameters.tau)
        if 10 / tried.dt * N_WINDOWS < MOST_STEPS:
            fine = SpikingNetwork(parameters, dt=network.dt / 10, **options)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    response = fine.present(stimuli, duration, seed=number)
                    tried.fine_error, tried.fine_spikes = figures(response)
                    tried.fine_outcome = "returned"
                except DivergenceError as error:
                    tried.fine_outcome, tried.note = "diverged", str(error)
        else:
            tried.fine_outcome = "too long"
    tried.seconds = time.perf_counter() - begin
    return tried


def main(arguments=None):
    """Try many settings and print their outcomes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n", type=int, nargs="?", default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--engine", default="numba", choices=("events", "numba", "numpy"))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", help="file for a line of JSON on each setting")
    given = parser.parse_args(arguments)
    numbers = range(given.first, given.first + given.n)
    with ProcessPoolExecutor(given.jobs) as pool:
        attempts = []
        for tried in pool.map(partial(attempt, engine=given.engine), numbers):
            attempts.append(tried)
            if given.out:
                with open(given.out, "a") as file:
                    file.write(json.dumps(asdict(tried)) + "\n")
            if tried.silently_wrong:
                print(f"silently wrong: {tried}", flush=True)
    print(table(attempts))
    return attempts


def table(attempts):
    """Return a table of outcomes at the chosen step against those at a tenth of it."""
    kinds = {}
    for tried in attempts:
        fine = tried.fine_outcome or "not run"
        if tried.outcome in ("returned", "warned") and fine == "returned":
            fine = "alike" if tried.alike else "different"
        kinds[tried.outcome, fine] = kinds.get((tried.outcome, fine), 0) + 1
    lines = [f"{a:10} {b:10} {n:6}" for (a, b), n in sorted(kinds.items())]
    return "\n".join(["at dt      at dt/10    settings", *lines])


if __name__ == "__main__":
    main()
