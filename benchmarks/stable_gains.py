"""Which gain is stable in discrete updates and with delays, and what the code is worth there.

``python -m benchmarks.stable_gains`` prints the figures of docs/theory.md, section 9; with
``--large-spikes`` also which time step large spikes need.
"""

import argparse
import warnings

import numpy as np
from brian2.only import ms

from benchmarks.common import default_data
from ipvae_brian import (
    DivergenceError,
    SpikingNetwork,
    StabilityWarning,
    load_model,
    stable_gain,
)
from ipvae_brian._tools.files import write_json
from ipvae_brian.network.stability_limit import STEPS_PER_TAU
from ipvae_brian.stimuli import load_stimuli

N_STIMULI = 100
# Updates after which R2 of discrete networks has settled.
N_UPDATES = 200
DELAYS = (1, 2, 3)
# For one population, which shows one stimulus after the other.
N_DELAYED, N_TAU, DELAYED_DT = 8, 60, 0.5 * ms
# Gain and spike size, whose product is by how much a spike lowers its neuron's potential; stimuli
# of each set, and how long they are shown.
LARGE_SPIKES = ((6.0, 0.4), (8.0, 0.45), (12.0, 0.45), (16.0, 0.48))
LARGE_SPARSITY, N_LARGE, LARGE_TAU = 0.22, 20, 6


def discrete(model, stimuli, n_updates=N_UPDATES):
    """Return the gain that is stable at dt = tau, and R2 there."""
    gain = stable_gain(model, stimuli, model.tau)
    network = SpikingNetwork(model.with_gain(gain), n_copies=len(stimuli), dt=model.tau)
    response = network.present(stimuli, n_updates * model.tau, seed=0)
    return gain, float(response.r2().mean())


def delayed(model, stimuli, delay, n_shown=N_DELAYED, n_tau=N_TAU):
    """Return the gain that is stable with a delay, and R2 there."""
    gain = stable_gain(model, stimuli, DELAYED_DT, delay=delay)
    network = SpikingNetwork(model.with_gain(gain), dt=DELAYED_DT, delay=delay, record_spikes=False)
    response = network.present(stimuli[:n_shown], n_tau * model.tau, seed=0)
    return gain, float(response.r2().mean())


def coarsest(model, stimulus, seeds=(0, 1), n_tau=LARGE_TAU):
    """Return the least steps per tau at which one population does not diverge."""
    for steps in STEPS_PER_TAU:
        options = {"n_copies": 1, "engine": "numba", "dt": model.tau / steps}
        network = SpikingNetwork(model, record_spikes=False, **options)
        try:
            for seed in seeds:
                network.present(stimulus[None], n_tau * model.tau, seed=seed, progress=False)
        except DivergenceError:
            continue
        return steps
    raise ValueError("every step diverges")


def large_spikes(model, stimuli):
    """Yield how far spikes lower potentials, and the steps per tau that each stimulus needs."""
    for gain, spike_size in LARGE_SPIKES:
        other = model.with_settings(gain=gain, spike_size=spike_size, sparsity=LARGE_SPARSITY)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StabilityWarning)
            yield gain * spike_size, [coarsest(other, one) for one in stimuli]


def main(arguments=None):
    """Print gains and R2 of the shipped models of 512 neurons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=default_data(), help="file of van Hateren patches")
    parser.add_argument("--json", help="write the figures here")
    parser.add_argument("--large-spikes", action="store_true", help="which step they need, too")
    given = parser.parse_args(arguments)
    figures = {}
    photographs = load_stimuli("photographs", n_train=10, n_validation=N_STIMULI).validation
    sets = {"photographs-512": photographs}
    if given.data is not None:
        sets["vanhateren-512"] = load_stimuli(given.data).validation[:N_STIMULI]
    for name, stimuli in sets.items():
        model = load_model(name)
        gain, r2 = discrete(model, stimuli)
        print(f"{name}: dt = tau, gain {gain:.3f}, R2 {r2:.2f}")
        figures[name] = {"discrete": {"gain": gain, "r2": r2}}
        for delay in DELAYS:
            gain, r2 = delayed(model, stimuli, delay * ms)
            print(f"{name}: delay {delay} ms, gain {gain:.2f}, R2 {r2:.2f}")
            figures[name][f"delay of {delay} ms"] = {"gain": gain, "r2": r2}
    if given.large_spikes:
        shown = np.concatenate([stimuli[:N_LARGE] for stimuli in sets.values()])
        for jump, steps in large_spikes(load_model(list(sets)[-1]), shown):
            print(
                f"spikes of {jump:.1f}: {np.median(steps):g} steps per tau, at most {max(steps)}, "
                f"of {len(steps)} stimuli"
            )
            figures[f"spikes of {jump:.1f}"] = {"steps_per_tau": steps}
    if given.json:
        write_json(given.json, figures)


if __name__ == "__main__":
    main()
