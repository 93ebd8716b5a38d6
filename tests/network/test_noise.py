"""Noise: what it is, on every circuit; closed forms of counts; seeds; what goes by its strength."""

import copy
import pickle

import brian2
import numpy as np
import pytest
import reference
from brian2 import ms
from helpers import ALL, NAMES, make_parameters

from ipvae_brian import Noise, SpikingNetwork, evaluate
from ipvae_brian.network.batch import simulate_many
from ipvae_brian.network.divergence import Bound, too_many_spikes

CIRCUITS = dict(zip(NAMES, ALL, strict=True)) | {"events": {"engine": "events", "n_copies": 2}}
ALL_TERMS = Noise(pixel=0.3, drive=0.5, gain=0.2, shared_gain=0.4, time_constant=120 * ms)
FAST = Noise(drive=0.6, time_constant=10 * ms)


def noise_for(name, noise=ALL_TERMS):
    """The noise, without what error units cannot have."""
    if name != "error_units":
        return noise
    terms = {term: getattr(noise, term) for term in ("pixel", "drive", "shared_gain")}
    return Noise(**terms, time_constant=noise.time_constant)


def make_network(parameters, name, **options):
    options = {"dt": 4 * ms, "record_potentials": "all", "record_spikes": True} | options
    double = {} if "pathway" in CIRCUITS[name] else {"precision": "double"}
    return SpikingNetwork(parameters, **CIRCUITS[name], **double, **options)


def drive_in_use(network):
    """The drive with noise, (n_copies, n_neurons), in the middle of a step."""
    neurons, p = network.neurons, network.parameters
    if network.engine != "brian2":
        drive = np.array(neurons.drive[:])
    elif "noisy_drive" in neurons.variables:
        drive = np.array(neurons.noisy_drive[:])
    else:
        drive = np.zeros(len(neurons))
    if hasattr(network.circuit, "units"):
        units = network.circuit.units
        shown = units.noisy_stimulus[:] if "noisy_stimulus" in units.variables else units.stimulus
        drive = drive + p.drive(np.array(shown))
    return drive.reshape(network.n_copies, -1)


def recorded_drives(network):
    """A list that gets the drive of every step from now on."""
    drives = []

    @brian2.network_operation(clock=network.clock, when="groups", order=5)
    def look():
        drives.append(drive_in_use(network))

    network.add(look)
    return drives


# What is kept of it


def test_arguments_and_their_errors():
    noise = Noise(
        pixel=1, drive=0.5, time_constant={"pixel": 20 * ms, "drive": 0.1 * brian2.second}
    )
    assert noise and noise.fluctuating == ("pixel", "drive")
    assert noise.time_constants() == {"pixel": pytest.approx(0.02), "drive": pytest.approx(0.1)}
    assert not Noise() and not Noise(time_constant=3 * ms)
    for wrong, match in (
        ({"pixel": -1}, "pixel must be"),
        ({"pixel": 1, "semisaturation": 0}, "semisaturation must be"),
        ({"pixel": 1, "semisaturation": "half"}, "semisaturation must be a number"),
        ({"gain": "big"}, "gain must be a number"),
        ({"shared_gain": np.nan}, "shared_gain must be"),
        ({"time_constant": 5}, "time_constant must be a time"),
        ({"time_constant": 0 * ms}, "time_constant must be positive"),
        ({"gain": 1, "time_constant": {"pixel": 1 * ms}}, "time_constant has none for 'gain'"),
        ({"time_constant": {"shared_gain": 1 * ms}}, "time_constant: noise"),
        ({"time_constant": {"pixel": 1}}, r"time_constant\['pixel'\] must be a time"),
    ):
        with pytest.raises((TypeError, ValueError), match=match):
            Noise(**wrong)
    with pytest.raises(AttributeError):
        noise.pixel = 2
    for again in (copy.deepcopy(noise), pickle.loads(pickle.dumps(noise))):
        assert again.time_constants() == noise.time_constants() and again.pixel == 1
    with pytest.raises(TypeError, match="noise must be a Noise, got float"):
        SpikingNetwork(make_parameters(), noise=0.5)
    with pytest.raises(ValueError, match="gain must be 0 with 'error_units', got 1"):
        SpikingNetwork(make_parameters(), pathway="error_units", noise=Noise(gain=1))
    network = SpikingNetwork(make_parameters(), noise=noise)
    assert network.noise is noise and "pixel=1" in network._repr_html_()


def test_how_often_it_changes():
    noise = Noise(gain=1, time_constant=50 * ms)
    assert [noise.steps_between_changes(dt) for dt in (5e-3, 2e-3, 1e-3, 1e-4)] == [1, 1, 2, 20]
    assert noise.kept(1e-3) == {"gain": pytest.approx(np.exp(-2 / 50))}
    assert Noise(shared_gain=1).steps_between_changes(1e-3) == 1


# On every circuit


@pytest.mark.parametrize("name", list(CIRCUITS))
def test_every_step_is_the_defined_one(name, stimuli):
    """Potentials are those of the recorded drives and spikes, also in movies and carried over."""
    parameters = make_parameters(leak=0.3, noise_variance=2.5)
    network = make_network(parameters, name, noise=noise_for(name))
    drives = recorded_drives(network)
    movies = np.stack([stimuli[:3], stimuli[2:5]])
    first = network.present_movie(movies, [12 * ms, 36 * ms, 20 * ms], seed=4)
    again = network.present(stimuli[:2], 32 * ms, reset=False, seed=5)
    shown = np.concatenate(
        [np.repeat(movies, [3, 9, 5], axis=1), stimuli[:2, None].repeat(8, 1)], 1
    )
    if network.n_copies == 1:  # one after the other
        parts = [np.concatenate(drives[17 * i : 17 * i + 17]) for i in range(2)]
    else:
        parts = np.array(drives).transpose(1, 0, 2)
        first = first.select(slice(0, 2))
    for trial in range(2):
        used = parts[trial]
        # There is noise, and it stays for as long as it should: 4 ms are below 120 ms / 25.
        assert np.abs(used[:17] - parameters.drive(shown[trial, :17])).mean() > 0.1
        steps = len(used)
        responses = [first] if network.n_copies == 1 else [first, again]
        u = np.concatenate([r.potentials[trial] for r in responses], axis=1)
        if name == "events":
            expected = spike_by_spike(parameters, responses, trial, used)
        else:
            z = np.concatenate([r.step_counts[trial] for r in responses], axis=1).T
            expected, _ = reference.simulate(parameters, shown[trial, :steps], z, 0.2, drives=used)
        np.testing.assert_allclose(u.T, expected, atol=1e-9, rtol=0)


def spike_by_spike(parameters, responses, trial, drives):
    spikes = [[] for _ in drives]
    begin = 0
    for response in responses:
        mine = response.spikes.trial == trial
        step, within = np.divmod(response.spikes.time[mine] / 4e-3, 1)
        for s, w, j in zip(step, within, response.spikes.neuron[mine], strict=True):
            spikes[begin + int(s)].append((0.2 * w, j))
        begin += response.timing.n_steps
    ends, _ = reference.in_continuous_time(parameters, drives, spikes, 0.2)
    return np.concatenate([parameters.resting_potential[None], ends[:-1]])


@pytest.mark.parametrize("name", list(CIRCUITS))
def test_contrast_takes_noise_of_pixels_down(name, stimuli):
    """The noise of a trial, which does not change, beside grey and beside stimuli."""
    parameters = make_parameters(noise_variance=2.5)
    noise = Noise(pixel=0.5, semisaturation=0.7, time_constant=1e6 * ms)
    network = make_network(parameters, name, noise=noise)
    drives = recorded_drives(network)
    n = network.n_copies
    movies = np.stack([0 * stimuli[:n], stimuli[:n], 0 * stimuli[:n], 3 * stimuli[:n]], axis=1)
    network.present_movie(movies, 12 * ms, seed=4)
    found = np.array(drives).transpose(1, 0, 2)[:, 1::3]
    added = found - parameters.drive(movies)
    assert np.abs(added[:, 0]).mean() > 0.05
    shares = 1 / np.sqrt(1 + np.mean(movies**2, axis=2) / 0.7**2)
    expected = shares[..., None] * added[:, :1]
    np.testing.assert_allclose(added, expected, atol=1e-5)
    assert shares[:, 3].max() < 0.5 and (shares[:, 2] == 1).all()


def test_the_step_is_chosen_for_noise_that_is_left(stimuli):
    strong = 100 * np.abs(stimuli)
    plain, normalised = (
        Noise(pixel=50.0, semisaturation=s).at_its_strongest(strong) - strong for s in (None, 1.0)
    )
    assert 0 < np.abs(normalised).max() < 0.05 * np.abs(plain).max()


@pytest.mark.parametrize("name", list(CIRCUITS))
def test_none_is_what_there_was_before(name, stimuli):
    counts = [
        make_network(make_parameters(), name, **options).present(stimuli, 60 * ms, seed=3).counts
        for options in ({}, {"noise": Noise()}, {"noise": noise_for(name, FAST)})
    ]
    np.testing.assert_array_equal(counts[0], counts[1])
    assert not np.array_equal(counts[0], counts[2])


@pytest.mark.parametrize("name", list(CIRCUITS))
def test_follows_the_seed(name, stimuli):
    noise = noise_for(name)
    network = make_network(make_parameters(), name, noise=noise, record_potentials=())
    counts = [network.present(stimuli, 60 * ms, seed=seed).counts for seed in (1, 2, 1)]
    np.testing.assert_array_equal(counts[0], counts[2])
    assert not np.array_equal(counts[0], counts[1])
    # Without one it goes on with Brian2's random numbers.
    without = []
    for seed in (7, 7, 8):
        brian2.seed(seed)
        without.append(network.present(stimuli, 60 * ms).counts)
    np.testing.assert_array_equal(without[0], without[1])
    assert not np.array_equal(without[0], without[2])


@pytest.mark.parametrize("name", list(CIRCUITS))
def test_store_and_restore(name, stimuli):
    """In the middle of a trial: the noise goes on from where it was."""
    network = make_network(make_parameters(), name, noise=noise_for(name))
    network.present(stimuli[:2], 32 * ms, seed=1)
    network.brian_network.store()
    drives = recorded_drives(network)
    network.brian_network.run(40 * ms)
    once = np.array(drives)
    drives.clear()
    network.brian_network.restore(restore_random_state=True)
    network.brian_network.run(40 * ms)
    np.testing.assert_array_equal(np.array(drives), once)
    assert np.ptp(once, axis=0).min() > 0


@pytest.mark.parametrize("engine", ["numpy", "events"])
def test_parts_of_a_job_and_processes_give_the_same(engine, stimuli):
    p, x = make_parameters(), np.tile(stimuli, (4, 1))
    options = {"seed": 3, "n_copies": 4, "engine": engine, "noise": FAST, "lateral": "self"}
    whole = simulate_many(p, x, 60 * ms, n_jobs=1, **options)
    parts = simulate_many(p, x, 60 * ms, n_jobs=2, **options)
    np.testing.assert_array_equal(whole.counts, parts.counts)
    network = SpikingNetwork(
        p, n_copies=4, dt=whole.timing.dt * brian2.second, engine=engine, noise=FAST, lateral="self"
    )
    later = network.present(x[8:], 60 * ms, seed=3, first_stimulus=8)
    np.testing.assert_array_equal(later.counts, whole.counts[8:])
    figures, response = evaluate(
        p, x, windows=3, seed=3, n_copies=4, engine=engine, noise=FAST, lateral="self"
    )
    np.testing.assert_array_equal(response.counts, whole.counts)
    assert figures["n_stimuli"] == 20


def test_another_time_step_leaves_the_noise_as_it_is(stimuli):
    """Noise is carried over when objects are made anew with a finer step."""
    network = SpikingNetwork(
        make_parameters(), n_copies=5, engine="numpy", noise=Noise(gain=0.5, time_constant=9e3 * ms)
    )
    network.present(stimuli, 40 * ms, seed=1)
    circuit, before = network._built.circuit, network.dt
    state = circuit.noisy_drive.fluctuations["gain"].copy()
    assert np.abs(state).max() > 0.5
    network._handed_out = ""
    network.present(8 * stimuli, 20 * ms, reset=False, seed=2)
    assert network._built.circuit is not circuit and float(network.dt) < float(before)
    after = network._built.circuit.noisy_drive.fluctuations["gain"]
    np.testing.assert_allclose(after, state, atol=0.3)


# Closed forms of counts, without inhibition: doubly stochastic Poisson processes


def counts_without_inhibition(name, noise, parameters, stimulus, n_trials, n_tau, dt=2 * ms):
    options = CIRCUITS[name] | {"n_copies": n_trials}
    network = SpikingNetwork(parameters, **options, noise=noise, lateral="off", dt=dt)
    response = network.present(np.tile(stimulus, (n_trials, 1)), (8 + n_tau) * 20 * ms, seed=5)
    return response.counts[:, 8:].sum(axis=1)


LEAKY = make_parameters(leak=1.5, scale=0.15, threshold=0.0, resting_potential=-0.3)


@pytest.mark.parametrize("name", ["copies_brian2", "copies_numpy", "copies_numba", "events"])
def test_fano_factor_and_correlation_of_a_shared_gain(name, stimuli):
    """Gain squared times mean: Fano factors within 6 %, correlations within .03."""
    p, n_tau, sd = LEAKY, 20, 0.3
    n = 600 if name == "copies_brian2" else 4000
    counts = counts_without_inhibition(name, Noise(shared_gain=sd), p, stimuli[0], n, n_tau, 5 * ms)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    gains = np.exp(sd * nodes - sd**2 / 2)[:, None]
    u = p.resting_potential + p.natural_gradient_step * gains * p.drive(stimuli[0]) / p.leak
    # Without a bound, no moment of this would be finite.
    rates = n_tau * np.exp(np.minimum(u, p.highest_potential))
    weights = weights / weights.sum()
    mean = weights @ rates
    covariance = (rates - mean).T @ (weights[:, None] * (rates - mean))
    wanted = 1 + np.diag(covariance) / mean
    assert wanted.max() > 2
    error = 6 if name == "copies_brian2" else 1
    fano = counts.var(axis=0, ddof=1) / counts.mean(axis=0)
    np.testing.assert_allclose(fano, wanted, rtol=0.06 * np.sqrt(error) * 1.5)
    np.testing.assert_allclose(counts.mean(axis=0), mean, rtol=0.03 * np.sqrt(error))
    total = covariance + np.diag(mean)
    expected = covariance / np.sqrt(np.outer(np.diag(total), np.diag(total)))
    found = np.corrcoef(counts.T)
    off = ~np.eye(12, dtype=bool)
    assert np.abs(expected[off]).max() > 0.3
    assert np.abs(found - expected)[off].max() < 0.06 * np.sqrt(error)


@pytest.mark.parametrize("name", ["copies_numpy", "events"])
def test_fano_factor_of_private_noise_of_the_drive(name, stimuli):
    """A log-normal Cox process whose logarithm is filtered noise; no correlation."""
    p, n_tau, sd, slow = LEAKY.replace(natural_gradient_step=1.0), 10, 1.2, 2.5
    noise = Noise(drive=sd, time_constant=slow * 20 * ms)
    counts = counts_without_inhibition(name, noise, p, stimuli[0], 4000, n_tau, 1 * ms)
    a, b = p.leak, 1 / slow
    t = (np.arange(400) + 0.5) * n_tau / 400
    lag = np.abs(t[:, None] - t)
    size = (sd * p.spike_sizes) ** 2 / (a**2 - b**2)
    covariance = size[:, None, None] * (np.exp(-b * lag) - b / a * np.exp(-a * lag))
    u = p.resting_potential + p.drive(stimuli[0]) / p.leak
    mean = n_tau * np.exp(u + covariance[:, 0, 0] / 2)
    wanted = 1 + mean * np.expm1(covariance).mean(axis=(1, 2))
    assert wanted.max() > 2.5
    fano = counts.var(axis=0, ddof=1) / counts.mean(axis=0)
    np.testing.assert_allclose(counts.mean(axis=0), mean, rtol=0.04)
    np.testing.assert_allclose(fano, wanted, rtol=0.12)
    found = np.corrcoef(counts.T)[~np.eye(12, dtype=bool)]
    assert np.abs(found).max() < 0.08 and abs(found.mean()) < 0.01


# What goes by the strength of noise


def test_time_step_is_chosen_for_strong_noise(stimuli):
    # Spikes are small enough not to need a fine step for themselves.
    p = make_parameters(scale=0.5, natural_gradient_step=0.6)

    def steps(**options):
        network = SpikingNetwork(p, n_copies=5, **options).build(stimuli)
        return round(float(p.tau) / float(network.dt))

    for options in ({"engine": "numpy"}, {"engine": "numpy", "lateral": "self"}):
        assert steps(**options) < steps(noise=Noise(shared_gain=1.0), **options)
        assert steps(**options) < steps(noise=Noise(drive=6.0), **options)
    noise = Noise(shared_gain=0.5, pixel=0.3)
    strong = noise.at_its_strongest(stimuli)
    np.testing.assert_array_equal(strong, noise.at_its_strongest(stimuli))
    assert (strong**2).sum() > (stimuli**2).sum()
    assert Noise().at_its_strongest(stimuli) is stimuli
    assert len(noise.at_its_strongest(np.ones((9000, 16)))) < 2100


def test_divergence_is_not_what_noise_drives(stimuli, rng):
    """What a gain of 4 makes neurons fire is excused by noise that can have it, and only by it."""
    p = make_parameters(threshold=0.0)
    noise = Noise(shared_gain=0.5, drive=0.3)
    rates = 4 * np.maximum(np.linalg.lstsq(p.dictionary, stimuli.T, rcond=None)[0].T, 0)
    quiet, noisy = (Bound(p, stimuli[:, None], 20, noise=one) for one in (None, noise))
    for counts, excused in ((rates, True), (100 * rates + 100, False)):
        decoded = p.decode(counts)
        assert quiet.exceeded(stimuli, counts, decoded, 20).any()
        assert noisy.exceeded(stimuli, counts, decoded, 20).any() != excused
    many = np.full((5, 12), 60)
    assert too_many_spikes(0 * stimuli, many, p).all()
    assert not too_many_spikes(0 * stimuli, many, p, "all", Noise(drive=10)).any()
    assert too_many_spikes(stimuli, 100 * many, p, "all", noise).all()
