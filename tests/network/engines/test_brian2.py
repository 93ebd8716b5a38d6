"""Copies in Brian2 equations: each is what one population is, whatever the others do."""

import numpy as np
import pytest
from brian2 import ms

from ipvae_brian import SpikingNetwork


@pytest.mark.parametrize("precision", ["single", "double"])
def test_copies_inhibit_only_themselves(precision, parameters):
    network = SpikingNetwork(
        parameters, n_copies=3, engine="brian2", precision=precision, dt=4 * ms
    )
    circuit = network.circuit
    counts = np.zeros((3, 12), int)
    counts[0, 4], counts[2, 7] = 1, 3
    circuit.neurons.z = counts.ravel()
    before = np.array(circuit.neurons.u[:]).reshape(3, 12)
    circuit.inhibit()
    change = np.array(circuit.neurons.u[:]).reshape(3, 12) - before
    step, weights = parameters.natural_gradient_step, parameters.lateral_weights
    wanted = [-step * weights[:, 4], np.zeros(12), -3 * step * weights[:, 7]]
    np.testing.assert_allclose(change, wanted, rtol=1e-6, atol=1e-6)


def test_types_of_each_precision(parameters):
    made = {"n_copies": 2, "engine": "brian2", "dt": 4 * ms}
    assert SpikingNetwork(parameters, **made).neurons.u[:].dtype == np.float64
    single = SpikingNetwork(parameters, precision="single", **made)
    assert single.neurons.u[:].dtype == np.float32 == single.rate_type
