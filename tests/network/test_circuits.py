"""All pathways, engines and targets do the defined step, to rounding, whatever they are shown."""

import gc

import brian2
import numpy as np
import pytest
import reference
from brian2 import ms
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from helpers import NUMPY, VARIANTS, make_parameters

from ipvae_brian import SpikingNetwork
from ipvae_brian.network.circuits import Circuit, EquationCircuit
from ipvae_brian.network.divergence import Bound
from ipvae_brian.network.engines import choice
from ipvae_brian.network.equations import MEMBRANE
from ipvae_brian.network.pathways import Synapses

TOLERANCE = 1e-10
PATHWAYS = {
    "synapses": {"pathway": "synapses"},
    "error_units": {"pathway": "error_units"},
    "copies_brian2": {"engine": "brian2", "n_copies": 2},
    "copies_numpy": {"engine": "numpy", "n_copies": 2, "precision": "double"},
    "copies_numba": {
        "engine": "numba",
        "n_copies": 2,
        "precision": "double",
    },
}
# Reaches both bounds with the stimuli here.
TIGHT = {"lowest_potential": -1.0, "highest_potential": 1.0}


@pytest.fixture(autouse=True)
def no_network_of_earlier_tests():
    """One that is still there takes the names, and Cython compiles the same code again."""
    gc.collect()


@pytest.fixture(params=list(PATHWAYS))
def pathway(request):
    return PATHWAYS[request.param]


@pytest.fixture(
    params=[
        "numpy",
        pytest.param(
            "cython",
            marks=pytest.mark.skipif(
                not CythonCodeObject.is_available(), reason="no C++ compiler for Cython"
            ),
        ),
    ]
)
def target(request):
    return request.param


def make_network(parameters, pathway, **options):
    options = {"dt": 4 * ms, "record_spikes": True} | pathway | options
    return SpikingNetwork(parameters, record_potentials=range(parameters.n_neurons), **options)


def assert_equals_reference(response, **options):
    expected, end = reference.of_response(response, **options)
    assert response.potentials.shape == expected.shape
    np.testing.assert_allclose(response.potentials, expected, atol=TOLERANCE, rtol=0)
    return end


def test_every_step_is_the_defined_one(pathway, target, stimuli):
    """Five stimuli (three waves of two copies), carry-over, movies and resets on one network."""
    parameters = make_parameters(leak=0.3, noise_variance=2.5)
    network = make_network(parameters, pathway, target=target)
    n = network.n_copies
    response = network.present(stimuli, 60 * ms, seed=1)
    assert response.potentials.shape == (5, 12, 15)
    assert response.step_counts.sum() > 50
    assert_equals_reference(response)
    expected = np.exp(response.potentials).reshape(5, 12, 3, 5).sum(axis=3) * 0.2
    np.testing.assert_allclose(response.expected_counts, expected.transpose(0, 2, 1), rtol=1e-9)

    # Without reset each copy goes on from what it saw before, in this call and the one before.
    first = network.present(stimuli[: 2 * n], 60 * ms, seed=2)
    end = assert_equals_reference(first)
    second = network.present(stimuli[: 2 * n], 44 * ms, reset=False, seed=3)
    assert_equals_reference(second, start=end[-n:], carry_over=True, n_copies=n)

    # A movie for each copy, frames of different durations that end within windows of tau.
    movies = np.stack([stimuli[:3], stimuli[2:5]])
    durations = [12 * ms, 36 * ms, 20 * ms]
    carried = network.present_movie(movies, durations, seed=4)
    assert carried.timing.frame_steps == (3, 9, 5)
    assert_equals_reference(carried)
    fresh = network.present_movie(movies, durations, reset_frames=True, seed=4)
    assert_equals_reference(fresh, reset_frames=True)
    np.testing.assert_array_equal(
        fresh.potentials[:, :, 3], np.broadcast_to(parameters.resting_potential, (2, 12))
    )


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_each_kind_of_dynamics(pathway, variant, stimuli):
    network = make_network(make_parameters(**VARIANTS[variant]), pathway)
    assert_equals_reference(network.present(stimuli, 80 * ms))


def test_potentials_stay_within_bounds(pathway, stimuli):
    parameters = make_parameters(scale=0.5, natural_gradient_step=3.0, **TIGHT)
    # Not a stable network: its bounds hold it, and that is what is tested here.
    response = make_network(parameters, pathway).present(stimuli, 100 * ms)
    assert_equals_reference(response)
    for bound in TIGHT.values():
        assert (response.potentials == bound).mean() > 0.02
    assert np.abs(response.potentials).max() <= 1


def test_counts_above_one_inhibit_by_their_number(pathway, target, stimuli):
    parameters = make_parameters(resting_potential=1.5, scale=0.05, threshold=0.0)
    network = make_network(parameters, pathway, target=target, dt=20 * ms)
    response = network.present(stimuli, 200 * ms)
    assert response.step_counts.max() > 5
    assert_equals_reference(response)
    # Taking a count for one event, as a plain spike would, is noticed.
    response.step_counts = np.minimum(response.step_counts, 1)
    wrong, _ = reference.of_response(response)
    assert np.abs(wrong - response.potentials).max() > 0.01


def test_same_counts_give_same_potentials_on_all_pathways(stimuli):
    """The counts that one pathway drew, forced upon the others."""
    parameters = make_parameters(leak=0.1, noise_variance=1.5)
    drawn = make_network(parameters, PATHWAYS["synapses"]).present(stimuli[0], 100 * ms)
    counts = drawn.step_counts[0]
    for name in ("synapses", "error_units", "copies_brian2"):
        network = make_network(parameters, PATHWAYS[name])
        (draw,) = (o for o in network.neurons.contained_objects if o.when == "start")
        draw.active = False
        steps = iter(counts.T)

        @brian2.network_operation(dt=4 * ms, when="start")
        def force():
            # Both functions are called within this round only.
            network.neurons.z = np.tile(next(steps), network.n_copies)  # noqa: B023

        network.add(force)
        response = network.present(stimuli[0], 100 * ms)
        np.testing.assert_array_equal(response.step_counts[0], counts)
        np.testing.assert_allclose(response.potentials, drawn.potentials, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", list(PATHWAYS))
def test_expected_counts_are_the_integral_of_the_rate(name, stimuli):
    parameters = make_parameters(leak=0.1)
    response = make_network(parameters, PATHWAYS[name]).present(stimuli, 80 * ms)
    per_step = np.exp(response.potentials) * 0.2
    expected = per_step.reshape(5, 12, 4, 5).sum(axis=3).transpose(0, 2, 1)
    np.testing.assert_allclose(response.expected_counts, expected, rtol=1e-9)


@pytest.mark.parametrize("engine", ["brian2", "numpy", "numba"])
def test_expected_counts_in_single_precision(engine, stimuli, parameters):
    network = make_network(parameters, {"n_copies": 2, "engine": engine, "precision": "single"})
    response = network.present(stimuli, 400 * ms)
    per_step = np.exp(response.potentials.astype(float)) * 0.2
    expected = per_step.reshape(5, 12, 20, 5).sum(axis=3).transpose(0, 2, 1)
    assert response.potentials.dtype == np.float32
    # Sums of up to 100 float32 numbers of this size: 1e-5 is a hundred roundings.
    np.testing.assert_allclose(response.expected_counts, expected, atol=2e-5, rtol=2e-5)


def test_new_dictionary_on_a_running_network(pathway, stimuli):
    """set_parameters reaches everything that a new network would have."""
    network = make_network(make_parameters(), pathway)
    network.present(stimuli[0], 40 * ms)
    network.set_parameters(make_parameters(seed=9))
    response = network.present(stimuli, 60 * ms)
    assert response.parameters.dictionary[0, 0] == make_parameters(seed=9).dictionary[0, 0]
    assert_equals_reference(response)


# Circuits that somebody adds


class Adapting(Synapses):
    """A term more: each spike raises the neuron's own threshold, which decays back."""

    label = "adapting"
    equations = (
        MEMBRANE.replace("- threshold)", "- threshold - adaptation)")
        + "dadaptation/dt = -adaptation/(5*tau) : 1\n"
    )
    operations = (*EquationCircuit.operations, ("adaptation += 0.3*z", "resets"))

    @property
    def carried(self):
        return {**super().carried, self.neurons.adaptation: 0.0}


def test_a_term_is_its_strings_and_its_state(monkeypatch, stimuli):
    """Nothing else of the package has to know of it."""
    monkeypatch.setitem(choice.PATHWAYS, "adapting", Adapting)
    parameters = make_parameters(leak=0.1)
    network = make_network(parameters, {"pathway": "adapting"}, delay=8 * ms)
    assert "'adapting'" in repr(network)
    monitor = brian2.StateMonitor(
        network.neurons, "adaptation", record=True, when="start", order=1, **NUMPY
    )
    network.add(monitor)
    response = network.present(stimuli[:2], 100 * ms)
    adaptation = np.array(monitor.adaptation).reshape(12, 2, 25).transpose(1, 0, 2)
    counts = response.step_counts
    assert counts[0].sum() > 20
    for trial in range(2):
        level, wanted = np.zeros(12), []
        for t in range(25):
            wanted.append(level)
            level = level - level * 0.2 / 5 + 0.3 * counts[trial, :, t]
        # Each stimulus begins without adaptation, and without spikes that are under way.
        np.testing.assert_allclose(adaptation[trial].T, wanted, atol=TOLERANCE)
        u = response.potentials[trial]
        eta, drive = parameters.natural_gradient_step, parameters.drive(stimuli[trial])
        for t in range(2, 24):
            change = eta * (drive - parameters.threshold - adaptation[trial, :, t])
            change -= parameters.leak * (u[:, t] - parameters.resting_potential)
            late = counts[trial, :, t - 2]
            following = u[:, t] + 0.2 * change - eta * (parameters.lateral_weights @ late)
            clipped = np.clip(following, parameters.lowest_potential, parameters.highest_potential)
            np.testing.assert_allclose(u[:, t + 1], clipped, atol=TOLERANCE)


@pytest.mark.parametrize("name", list(PATHWAYS))
def test_every_circuit_is_whole(name, parameters, stimuli):
    """What a presentation asks of a circuit, and what a Brian2 network needs."""
    circuit = make_network(parameters, PATHWAYS[name]).circuit
    n_copies = circuit.n_copies
    assert isinstance(circuit, Circuit)
    assert circuit.neurons in circuit.objects
    assert circuit.lateral in circuit.objects
    assert len(circuit.neurons) == n_copies * 12
    circuit.show(stimuli[:n_copies])
    circuit.rest()
    rest = np.tile(parameters.resting_potential, n_copies)
    np.testing.assert_array_equal(circuit.neurons.u[:], rest.astype(circuit.rate_type))
    counts = np.arange(n_copies * 12, dtype=np.int32).reshape(n_copies, 12)
    decoded = circuit.decode(counts)
    np.testing.assert_allclose(decoded, counts @ parameters.dictionary.T, rtol=1e-5, atol=1e-5)
    bound = Bound(parameters, decoded[:, None], 20)
    assert not circuit.diverged(decoded, counts, bound, 20).any()
    assert circuit.diverged(decoded, 100 + 100 * counts, bound, 20).all()


def test_copies_have_no_stimulus_of_a_standalone_program(parameters, stimuli):
    circuit = make_network(parameters, PATHWAYS["copies_numpy"]).circuit
    with pytest.raises(NotImplementedError, match="NumpyCopies does not run in C.. standalone"):
        circuit.stimulus_values(stimuli[:2])
