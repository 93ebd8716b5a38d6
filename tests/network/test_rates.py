"""Rate networks: the defined step, closed forms of Bayesian inference, and every error."""

import brian2
import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters

from ipvae_brian import (
    DivergenceError,
    RateNetwork,
    Response,
    SpikingNetwork,
    StabilityWarning,
    equations,
)


def reference(parameters, stimulus, activity, step, deviation, relu):
    """Potentials that the samples of one trial (n_steps, n_neurons) lead to, in plain NumPy."""
    p = parameters
    u = np.zeros(p.n_neurons)
    width = np.full(p.n_neurons, np.log(deviation)) if deviation else None
    potentials = []
    for z in activity:
        potentials.append(u)
        error = p.dictionary.T @ (stimulus - p.dictionary @ z) / p.noise_variance
        if relu:
            error = error * (z > 0)
        eta = p.natural_gradient_step
        if deviation:
            sigma = np.exp(width)
            # Where rectification hides the noise, the slope is zero and it does not matter.
            width = width + step * eta * error * (z - u) / 2
            error = sigma**2 * error
        u = np.clip(u + step * (eta * (error - p.threshold) - p.leak * u), -20, 20)
    return np.array(potentials)


@pytest.fixture(params=["identity", "relu"])
def activation(request):
    return request.param


@pytest.fixture(params=[0.0, 0.4])
def deviation(request):
    return request.param


@pytest.mark.parametrize("n_copies", [1, 2])
@pytest.mark.parametrize("target", ["numpy", "cython"])
def test_every_step_is_the_defined_one(activation, deviation, n_copies, target, stimuli):
    if target == "cython" and n_copies == 1:
        pytest.skip("the same code as with two copies")
    parameters = make_parameters(leak=0.3, noise_variance=2.5)
    network = RateNetwork(
        parameters,
        activation=activation,
        deviation=deviation,
        n_copies=n_copies,
        dt=4 * ms,
        target=target,
        record_potentials="all",
    )
    response = network.present(stimuli, 60 * ms, seed=1)
    for s, stimulus in enumerate(stimuli):
        z = response.step_counts[s].T
        expected = reference(response.parameters, stimulus, z, 0.2, deviation, activation == "relu")
        np.testing.assert_allclose(response.potentials[s].T, expected, atol=1e-10)
        # Counts are the mean activity in each window of five steps.
        np.testing.assert_allclose(response.counts[s], z.reshape(3, 5, -1).mean(axis=1), atol=1e-10)
    assert (response.counts.min() >= 0) == (activation == "relu")


def test_a_seed_repeats_the_samples(stimuli):
    network = RateNetwork(make_parameters(), dt=4 * ms, n_copies=2)
    first, again = (network.present(stimuli, 40 * ms, seed=3).counts for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != network.present(stimuli, 40 * ms, seed=4).counts).any()
    brian2.seed(5)
    unseeded = network.present(stimuli, 40 * ms).counts
    brian2.seed(5)
    np.testing.assert_array_equal(unseeded, network.present(stimuli, 40 * ms).counts)


def test_predictive_coding_finds_least_squares(stimuli):
    parameters = make_parameters(threshold=0.0, natural_gradient_step=2.0)
    network = RateNetwork(parameters, deviation=0, n_copies=len(stimuli))
    code = network.present(stimuli, 12_000 * ms).counts[:, -1]
    best, *_ = np.linalg.lstsq(parameters.dictionary, stimuli.T, rcond=None)
    np.testing.assert_allclose(code, best.T, atol=1e-3)


def test_a_leak_is_a_gaussian_prior(stimuli):
    """Predictive coding then finds ridge regression: eta W r + leak r = eta Phi^T x / sigma2."""
    parameters = make_parameters(threshold=0.0, natural_gradient_step=2.0, leak=0.5)
    network = RateNetwork(parameters, deviation=0, n_copies=len(stimuli))
    code = network.present(stimuli, 4000 * ms).counts[:, -1]
    matrix = parameters.lateral_weights + 0.25 * np.eye(parameters.n_neurons)
    ridge = np.linalg.solve(matrix, parameters.drive(stimuli).T).T
    np.testing.assert_allclose(code, ridge, atol=1e-6)


def test_the_posterior_is_that_of_bayes():
    """One neuron, eta 1: after T tau the precision has grown by W T, and the mean with it.

    Averages over 2,000 copies with samples of their own, at dt = tau / 100; to within 4 standard
    errors and 1% for the finite step.
    """
    parameters = make_parameters(4, 1, threshold=0.0, natural_gradient_step=1.0)
    weight, x = float(parameters.lateral_weights[0, 0]), np.array([1.0, -0.5, 2.0, 0.3])
    drive = float(parameters.drive(x)[0])
    network = RateNetwork(parameters, deviation=0.8, n_copies=2000, dt=0.2 * ms)
    network.present(np.tile(x, (2000, 1)), 200 * ms, seed=1)
    precision = 1 / 0.8**2 + weight * 10
    found = np.exp(-2 * np.array(network.neurons.log_deviation[:]))
    assert found.mean() == pytest.approx(precision, rel=0.02)
    means = np.array(network.neurons.u[:])
    error = 4 * means.std() / np.sqrt(2000)
    assert means.mean() == pytest.approx(drive * 10 / precision, rel=0.01, abs=error)


def test_rectified_activity_has_zeros_and_balances_its_errors(stimuli):
    parameters = make_parameters(threshold=0.1, natural_gradient_step=2.0)
    network = RateNetwork(
        parameters, activation="relu", deviation=0, resting_potential=0.1, n_copies=len(stimuli)
    )
    response = network.present(stimuli, 6000 * ms)
    code = response.counts[:, -1]
    active = code > 1e-3
    assert 0 < active.mean() < 1
    assert response.zeros().mean() > 0.1
    mismatch = parameters.drive(stimuli) - code @ parameters.lateral_weights - parameters.threshold
    np.testing.assert_allclose(mismatch[active], 0, atol=5e-3)


def test_responses_are_decoded_and_saved_as_others(tmp_path, stimuli):
    network = RateNetwork(make_parameters(threshold=0.0), n_copies=2, dt=2 * ms)
    response = network.present(stimuli, 100 * ms, seed=0)
    assert isinstance(response, Response)
    assert response.r2().shape == (len(stimuli),)
    response.save(tmp_path / "response.npz")
    again = Response.load(tmp_path / "response.npz")
    np.testing.assert_array_equal(again.counts, response.counts)
    assert again.counts.dtype == np.float64
    with pytest.raises(ValueError, match="expected_counts must not be negative"):
        response.free_energy()


def test_movies_carry_the_posterior_over(stimuli):
    network = RateNetwork(make_parameters(), dt=4 * ms, record_potentials="all")
    movie = np.stack([stimuli[0]] * 2)
    carried = network.present_movie(movie, 20 * ms, seed=1)
    fresh = network.present_movie(movie, 20 * ms, seed=1, reset_frames=True)
    assert (fresh.potentials[0, :, 5] == 0).all()
    assert (carried.potentials[0, :, 5] != 0).all()
    np.testing.assert_array_equal(
        carried.counts, network.present(stimuli[0], 40 * ms, seed=1).counts
    )


def test_the_chosen_step_is_stable_and_a_coarse_one_warned_of(stimuli):
    parameters = make_parameters(scale=1.0, natural_gradient_step=20.0, threshold=0.0)
    network = RateNetwork(parameters, deviation=0, n_copies=len(stimuli))
    assert network.present(stimuli, 100 * ms).r2().min() > 0.3
    coarse = RateNetwork(parameters, deviation=0, n_copies=len(stimuli), dt=20 * ms)
    chosen = float(network.dt / ms)
    with (
        pytest.warns(StabilityWarning, match="of the stability limit"),
        pytest.raises(DivergenceError, match=rf"for \d of \d stimuli.*use dt={chosen:g}\*ms"),
    ):
        coarse.present(stimuli, 400 * ms)


def test_new_weights_are_taken(stimuli):
    one, other = make_parameters(seed=1), make_parameters(seed=2)
    network = RateNetwork(one, dt=4 * ms)
    network.set_parameters(other)
    changed = network.present(stimuli[0], 40 * ms, seed=1)
    fresh = RateNetwork(other, dt=4 * ms).present(stimuli[0], 40 * ms, seed=1)
    np.testing.assert_array_equal(changed.counts, fresh.counts)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"activation": "tanh"}, "activation"),
        ({"deviation": -1}, "deviation must be >= 0"),
        ({"resting_potential": 30}, "resting_potential must lie within"),
        ({"n_copies": 0}, "n_copies"),
        ({"dt": 3 * ms}, "dt"),
    ],
)
def test_wrong_arguments_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        RateNetwork(make_parameters(), **options)


def test_what_counts_spikes_is_refused():
    with pytest.raises(ValueError, match="half_threshold_rate counts spikes"):
        RateNetwork(make_parameters(half_threshold_rate=0.5))


def test_spiking_recordings_still_refuse_graded_counts(stimuli):
    network = SpikingNetwork(make_parameters(), dt=4 * ms)
    assert network.present(stimuli[0], 40 * ms, seed=1).counts.dtype.kind == "i"


def test_what_it_shows_of_itself():
    network = RateNetwork(make_parameters(), deviation=0)
    assert repr(network).startswith("<RateNetwork 'identity', no noise, 1 x 12 neurons, dt not")
    assert "deviation 0.4" in repr(RateNetwork(make_parameters(), deviation=0.4, dt=4 * ms))
    assert "chosen at the first presentation" in network._repr_html_()


def test_equations_can_be_used_in_a_group_of_ones_own():
    group = brian2.NeuronGroup(
        3,
        equations.PREDICTIVE_MEMBRANE,
        method="euler",
        namespace=equations.namespace(make_parameters()) | {"lowest_activity": -np.inf},
        dt=1 * ms,
        codeobj_class=brian2.codegen.runtime.numpy_rt.NumpyCodeObject,
    )
    group.natural_gradient_step, group.drive = 1, [1, 2, 3]
    network = brian2.Network(group)
    network.run(5 * ms)
    np.testing.assert_allclose(group.u[:], 0.25 * np.array([1, 2, 3]))
