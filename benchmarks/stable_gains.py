"""Which gain is stable in discrete updates and with delays, and what the code is worth there.

``python -m benchmarks.stable_gains`` prints the figures of docs/theory.md, section 9.
"""

import argparse

from brian2.only import ms

from benchmarks.common import default_data
from ipvae_brian import SpikingNetwork, load_model, stable_gain
from ipvae_brian.stimuli import load_stimuli

N_STIMULI = 100
# Updates after which R2 of discrete networks has settled.
N_UPDATES = 200
DELAYS = (1, 2, 3)
# For one population, which shows one stimulus after the other.
N_DELAYED, N_TAU, DELAYED_DT = 8, 60, 0.5 * ms


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


def main(arguments=None):
    """Print gains and R2 of the shipped models of 512 neurons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=default_data(), help="file of van Hateren patches")
    given = parser.parse_args(arguments)
    photographs = load_stimuli("photographs", n_train=10, n_validation=N_STIMULI).validation
    sets = {"photographs-512": photographs}
    if given.data is not None:
        sets["vanhateren-512"] = load_stimuli(given.data).validation[:N_STIMULI]
    for name, stimuli in sets.items():
        model = load_model(name)
        print("{}: dt = tau, gain {:.3f}, R2 {:.2f}".format(name, *discrete(model, stimuli)))
        for delay in DELAYS:
            gain, r2 = delayed(model, stimuli, delay * ms)
            print(f"{name}: delay {delay} ms, gain {gain:.2f}, R2 {r2:.2f}")


if __name__ == "__main__":
    main()
