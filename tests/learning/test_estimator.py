"""IPVAE as a scikit-learn estimator.

Of scikit-learn's checks (1.6 to 1.9) the tag `non_deterministic` leaves out those that need the
same code for a stimulus whenever it is transformed. Spikes are random, and with a fixed seed they
depend on the place of the stimulus among the others and on how many there are:

- not run: check_methods_sample_order_invariance, check_methods_subset_invariance;
- skipped at their end, after fit, fit_transform and transform: check_transformer_general,
  check_transformer_data_not_an_array; skipped at once: check_pipeline_consistency.

Here `test_transform_is_reproducible`, `test_pipeline` and `test_wrong_number_of_features` stand in
for what can be asked of these. check_array_api_input is skipped without SCIPY_ARRAY_API.
"""

# ruff: noqa: NPY002  (the user's random numbers are NumPy's global ones)

import copy
import errno
import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from brian2.only import ms, mV
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_info, threadpool_limits
from trainings import SMALL, assert_same_parameters, images, small

from ipvae_brian import IPVAE, DivergenceError, FileFormatError, StabilityWarning, evaluate
from ipvae_brian.learning import estimator, training
from ipvae_brian.learning.training import Training
from ipvae_brian.stimuli import FrontEnd, PatchSet, Whitening


@parametrize_with_checks([IPVAE(**SMALL)])
def test_sklearn(estimator, check):
    check(estimator)


# Learning


def test_training_in_continuous_time_with_an_adaptive_prior():
    """At the gain of use; the model has what was asked for, and training has its own prior."""
    model = small(
        engine="events",
        gain=9.0,
        training_gain=9.0,
        half_threshold_rate=0.5,
        threshold_memory=0.3,
        lowest_potential=-12.0,
        training_half_threshold_rate=0.7,
    ).fit(images())
    p = model.parameters_
    assert (p.half_threshold_rate, p.threshold_memory, p.lowest_potential) == (0.5, 0.3, -12)
    assert model.n_diverged_ == 0 and model.settings_["engine"] == "events"
    assert model.settings_["steps_per_tau"] == 20
    assert model.score(images()) > 0.5
    # Each of them counts.
    for other in ({"training_half_threshold_rate": None}, {"threshold_memory": 1.0}):
        again = clone(model).set_params(**other).fit(images())
        assert (again.components_ != model.components_).any()


def test_fit_sets_attributes(fitted):
    model, x = fitted, images()
    assert model.n_features_in_ == 16
    assert model.components_.shape == (24, 16)
    assert model.mean_counts_.shape == (24,)
    assert model.n_batches_ == 8 * 6
    assert model.n_diverged_ == 0
    assert set(model.training_figures_) == {"r2", "zeros", "spikes", "distance"}
    p = model.parameters_
    np.testing.assert_array_equal(model.components_, p.dictionary.T)
    np.testing.assert_allclose(p.spike_sizes, 0.4, rtol=1e-5)
    assert p.stimulus_mean == pytest.approx(x.mean())
    assert p.stimulus_scale == pytest.approx(x.std())
    assert p.noise_variance == model.noise_variance_
    # In the form for noise variance 1: gain / s and lambda * s of the estimator, not of training.
    plain = p.with_noise_variance(1)
    np.testing.assert_allclose(plain.natural_gradient_step, 6 / 0.4)
    np.testing.assert_allclose(plain.threshold, 0.25 * 0.4)


def test_learning_improves(fitted):
    new = images(200, seed=1)
    start = small(n_neurons=24, inference_windows=6, dictionary_step=1e-6, gain=3).fit(images())
    assert 0.75 < fitted.score(new) <= 1
    assert fitted.score(new) > start.score(new) + 0.05
    assert fitted.distance(new) < start.distance(new)


def test_random_state_reproduces():
    x = images()
    one, same, other = (small(random_state=seed).fit(x) for seed in (1, 1, 2))
    assert_same_parameters(one.parameters_, same.parameters_)
    np.testing.assert_array_equal(one.transform(x), same.transform(x))
    assert np.abs(one.components_ - other.components_).max() > 0.01
    numpy_integer = small(random_state=np.int64(1)).fit(x)
    assert_same_parameters(one.parameters_, numpy_integer.parameters_)
    generators = [small(random_state=np.random.RandomState(5)).fit(x) for _ in range(2)]
    assert_same_parameters(*(m.parameters_ for m in generators))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["numba", "numpy", "brian2"])
def test_the_users_random_numbers_go_on(engine):
    """Whatever is called, also if it fails, and not seeded by the package."""
    x = images(60)

    def calls(seed):
        model = small(engine=engine, steps_per_tau=20, random_state=seed)
        yield lambda: model.fit(x)
        yield lambda: model.partial_fit(x)
        yield lambda: model.transform(x)
        yield lambda: model.simulate(x[:3])
        yield lambda: model.score(x)
        model = small(engine=engine, steps_per_tau=1, training_gain=500.0)
        model.set_params(training_highest_potential=12.0)
        yield lambda: pytest.raises(DivergenceError, model.fit, x)

    for seed in (0, 2**70):
        for call in calls(seed):
            numbers = []
            for mine in (99, 100):
                np.random.seed(mine)
                call()
                numbers.append(np.random.random())
            assert numbers == [np.random.RandomState(mine).random() for mine in (99, 100)]


@pytest.mark.parametrize("engine", ["numpy", "brian2"])
def test_trainings_in_threads(engine):
    """One waits for the other, and the threads of BLAS are as many as before."""
    x = images()

    def blas_threads():
        return sorted(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")

    def dictionary(seed):
        return small(engine=engine, steps_per_tau=20, random_state=seed).fit(x).components_

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        alone = [dictionary(seed) for seed in range(3)]
        with ThreadPoolExecutor(3) as pool:
            together = list(pool.map(dictionary, range(3)))
        assert blas_threads() == before
    np.testing.assert_array_equal(together, alone)


def test_any_whole_number_is_a_random_state():
    x = images(60)
    for seed in (2**32, 2**64 + 1, np.uint64(2**63)):
        model = small(random_state=seed).fit(x)
        np.testing.assert_array_equal(
            small(random_state=seed).fit(x).components_, model.components_
        )
        np.testing.assert_array_equal(model.transform(x), model.transform(x))
        assert model.score(x) == model.score(x)
        assert model.settings_["seed"] == int(seed)
        figures, response = evaluate(model.parameters_, x[:5] / 200, seed=seed, windows=2)
        again = evaluate(model.parameters_, x[:5] / 200, seed=int(seed), windows=2, n_jobs=2)[1]
        np.testing.assert_array_equal(again.counts, response.counts)
        assert json.loads(json.dumps(figures))["seed"] == int(seed)


def test_partial_fit():
    x = images()
    model = small(n_neurons=24)
    assert model.partial_fit(x[:120]) is model
    assert model.n_batches_ == 3
    mean = model.parameters_.stimulus_mean
    assert mean == pytest.approx(x[:120].mean())
    first = model.score(x)
    for _ in range(8):
        model.partial_fit(x)
    assert model.n_batches_ == 3 + 8 * 6
    assert model.parameters_.stimulus_mean == mean
    assert model.score(x) > first + 0.02
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(x[:, :9])
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full((5, 16), np.nan))


def test_partial_fit_goes_on_from_fit():
    model = small().fit(images())
    before = model.components_.copy()
    model.partial_fit(images(100, seed=1))
    assert model.n_batches_ == 6 + 2
    change = np.linalg.norm(model.components_ - before) / np.linalg.norm(before)
    fresh = small().partial_fit(images(100, seed=1))
    assert change < np.linalg.norm(fresh.components_ - before) / np.linalg.norm(before)


def test_partial_fit_in_pieces_is_the_same_as_at_once():
    """Every batch has a seed of its own."""
    x = images()
    whole, pieces = small(), small()
    whole.partial_fit(x).partial_fit(x)
    pieces.partial_fit(x)
    pieces = pickle.loads(pickle.dumps(pieces))
    for start in (0, 100, 200):
        pieces.partial_fit(x[start : start + 100])
    assert_same_parameters(whole.parameters_, pieces.parameters_)


def test_fit_again_starts_anew():
    model = small().fit(images())
    before = model.parameters_
    assert_same_parameters(model.fit(images()).parameters_, before)
    model.fit(images()[:, :9])
    assert model.n_features_in_ == 9


# Using what was learned


def test_without_standardisation():
    x = (images() - 100) / 60
    model = small(standardise=False).fit(x)
    assert (model.parameters_.stimulus_mean, model.parameters_.stimulus_scale) == (0, 1)
    np.testing.assert_array_equal(model.standardise_stimuli(np.float32(x)), np.float32(x))
    np.testing.assert_array_equal(model.inverse_transform(np.zeros((1, 8))), np.zeros((1, 16)))


def test_units_of_the_stimuli_do_not_matter():
    """Powers of two, so that rounding is the same."""
    x = images()
    one, other = small().fit(x), small().fit(1024 * x)
    np.testing.assert_array_equal(one.components_, other.components_)
    np.testing.assert_array_equal(one.transform(x), other.transform(1024 * x))


# Errors


def test_stimuli_that_cannot_be_learned():
    x = images()
    for value in (0.0, 0.1, -1e6):
        with pytest.raises(ValueError, match="X is constant.*nothing to learn"):
            small().fit(np.full((50, 16), value))
        with pytest.raises(ValueError, match="X is constant.*nothing to learn"):
            small().partial_fit(np.full((50, 16), value))
    for bad in (np.nan, np.inf):
        x[3, 3] = bad
        with pytest.raises(ValueError, match="NaN|infinity"):
            small().fit(x)
    with pytest.raises(ValueError, match="2D array"):
        small().fit(np.ones(16))
    with pytest.raises(ValueError, match="minimum of 1"):
        small().fit(np.ones((0, 16)))


def test_wrong_number_of_features(fitted):
    for method in (fitted.transform, fitted.score, fitted.simulate, fitted.distance):
        with pytest.raises(ValueError, match="15 features, but IPVAE is expecting 16"):
            method(np.ones((2, 15)))
        with pytest.raises(ValueError, match="NaN"):
            method(np.full((2, 16), np.nan))


def test_checkpoint_needs_an_integer_random_state(tmp_path):
    for state in (None, np.random.RandomState(0)):
        with pytest.raises(ValueError, match="checkpoint needs an integer random_state"):
            small(checkpoint=tmp_path / "c.npz", random_state=state).fit(images(60))
    assert os.listdir(tmp_path) == []


def test_gain_and_sparsity_of_use_do_not_change_what_is_learned():
    """So a model trained with other ones is what its training with these would have given."""
    x = images()
    model, other = (
        small(n_epochs=2, gain=gain, sparsity=sparsity).fit(x)
        for gain, sparsity in ((12.0, 0.22), (10.0, 0.25))
    )
    np.testing.assert_array_equal(model.components_, other.components_)
    wanted, other = model.parameters_, other.parameters_
    again = other.with_settings(spike_size=model.spike_size, gain=12.0, sparsity=0.22)
    for name in ("dictionary", "threshold", "natural_gradient_step", "resting_potential"):
        np.testing.assert_allclose(getattr(again, name), getattr(wanted, name), rtol=1e-5)
    assert again.noise_variance == wanted.noise_variance
    assert (abs(other.threshold - wanted.threshold) > 0.01 * wanted.threshold).all()


def test_learned_prior():
    plain, learned = (small(learn_prior=on).fit(images()) for on in (False, True))
    np.testing.assert_array_equal(plain.parameters_.resting_potential, -2)
    rates = np.maximum(learned.mean_counts_, 0.01)
    np.testing.assert_allclose(np.exp(learned.parameters_.resting_potential), rates, rtol=1e-5)
    np.testing.assert_array_equal(learned.components_, plain.components_)


def test_not_fitted(tmp_path):
    x, model = images(5), small()
    for method in (model.transform, model.score, model.simulate, model.distance):
        with pytest.raises(NotFittedError):
            method(x)
    with pytest.raises(NotFittedError):
        model.inverse_transform(np.ones((1, 8)))
    with pytest.raises(NotFittedError):
        model.save(tmp_path / "m.npz")
    assert not hasattr(model, "components_")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("n_neurons", 0, ValueError),
        ("n_neurons", 8.0, TypeError),
        ("spike_size", 0, ValueError),
        ("gain", -1, ValueError),
        ("gain", "high", TypeError),
        ("sparsity", np.nan, ValueError),
        ("noise_penalty", -1, ValueError),
        ("leak", -0.1, ValueError),
        ("tau", 20, TypeError),
        ("tau", 20 * mV, TypeError),
        ("training_gain", 0, ValueError),
        ("training_sparsity", -1, ValueError),
        ("training_highest_potential", -3, ValueError),
        ("steps_per_tau", 0, ValueError),
        ("steps_per_tau", 20.0, TypeError),
        ("batch_size", 0, ValueError),
        ("n_windows", 0, ValueError),
        ("windows_left_out", 3, ValueError),
        ("windows_left_out", -1, ValueError),
        ("n_epochs", 0, ValueError),
        ("averaging_rate", 1.5, ValueError),
        ("dictionary_step", 0, ValueError),
        ("dictionary_step", 2, ValueError),
        ("ridge", 0, ValueError),
        ("annealing", 1.5, ValueError),
        ("revive_after", 0, ValueError),
        ("inference_windows", 0, ValueError),
        ("checkpoint_every", 0, ValueError),
        ("random_state", -1, ValueError),
        ("random_state", "0", ValueError),
    ],
)
def test_wrong_arguments_are_named(name, value, error):
    words = "seed" if value == "0" else f"^{name} "  # scikit-learn's own message
    with pytest.raises(error, match=words):
        small(**{name: value}).fit(images(60))


def test_unknown_names(fitted):
    with pytest.raises(TypeError, match="n_neuron"):
        IPVAE(n_neuron=8)
    with pytest.raises(ValueError, match="Invalid parameter 'n_neuron'"):
        IPVAE().set_params(n_neuron=8)
    with pytest.raises(TypeError, match="record_spike"):
        fitted.simulate(images(2), record_spike=True)
    with pytest.raises(ValueError, match="pathway must be one of.*did you mean 'synapses'"):
        fitted.simulate(images(2), pathway="synapse")


def test_divergence():
    model = small(steps_per_tau=1, training_gain=500.0, training_highest_potential=12.0)
    with pytest.raises(DivergenceError, match=r"diverged for \d+ of 50 stimuli in batch 1"):
        model.fit(images())
    with pytest.raises(NotFittedError):
        model.transform(images(2))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["numba", None])
def test_digits_are_learned_with_the_defaults(engine, shared_folder):
    """At 20 steps per tau most of the third batch diverges: blank pixels make strong stimuli."""
    with np.load(shared_folder / "data" / "mnist.npz") as data:
        x = data["x_train"][:1000].reshape(1000, -1)
    model = IPVAE(n_epochs=1, random_state=0, progress=False, engine=engine)
    if engine == "numba":
        with pytest.warns(StabilityWarning, match="training goes on at 40 steps per tau"):
            model.fit(x)
        assert model.settings_["steps_per_tau"] == 40
    else:
        # In continuous time there is no step to be too coarse.
        model.fit(x)
        assert model.settings_["engine"] == "events" and model.n_diverged_ == 0
    assert model.n_batches_ == 5
    assert model.score(x[:100]) > 0.6


# scikit-learn


def test_clone_and_parameters(fitted):
    values = SMALL | {"tau": 10 * ms, "gain": 5.0, "random_state": 3, "checkpoint": "c.npz"}
    model = IPVAE(**values)
    got = clone(model).get_params()
    assert got == model.get_params()
    assert all(got[name] == value for name, value in values.items())
    copied = clone(fitted)
    assert not hasattr(copied, "parameters_")
    assert_same_parameters(copied.fit(images()).parameters_, fitted.parameters_)


def test_tau():
    model = small(tau=10 * ms).fit(images())
    assert model.parameters_.tau == 10 * ms
    # Time is counted in tau, so the code is the same.
    np.testing.assert_array_equal(model.components_, small().fit(images()).components_)


def test_pickle_and_copy(fitted):
    x = images(20, seed=1)
    counts = fitted.transform(x)
    for other in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        np.testing.assert_array_equal(other.transform(x), counts)
        other.partial_fit(x)  # builds the network anew
        assert other.n_batches_ == fitted.n_batches_ + 1


def test_pipeline(digits):
    """Counts of 48 neurons tell digits apart: chance is 0.1, pixels give about 0.9."""
    x, y = digits
    pipeline = make_pipeline(
        small(n_neurons=48, inference_windows=6, n_epochs=2), LogisticRegression(max_iter=300)
    )
    accuracy = pipeline.fit(x[:600], y[:600]).score(x[600:], y[600:])
    assert accuracy > 0.6
    again = clone(pipeline).fit(x[:600], y[:600])
    np.testing.assert_array_equal(again.predict(x[600:]), pipeline.predict(x[600:]))


def test_patches_tell_of_themselves(tmp_path):
    """Shape, whitening and origin go into the model; other methods ask which patches are meant."""
    whitening = {"method": "none"}
    patches = PatchSet(
        train=images(120)[:, :12],
        validation=images(30)[:, :12],
        shape=(3, 4),
        source="/my/bars.npz",
        mean=3.0,
        std=2.0,
        whitening=whitening,
        front_end=FrontEnd(whitening=Whitening(), floor=0.1),
    )
    for method in ("fit", "partial_fit"):
        model = getattr(small(), method)(patches)
        p = model.parameters_
        assert (p.stimulus_shape, p.whitening) == ((3, 4), whitening)
        assert p.front_end == FrontEnd(whitening=Whitening(), floor=0.1)
        assert p.provenance == {
            "data": "bars.npz",
            "patches_mean": 3.0,
            "patches_std": 2.0,
            "n_train": 120,
        }
        np.testing.assert_array_equal(
            model.components_, getattr(small(), method)(patches.train).components_
        )
        with pytest.raises(TypeError, match="X is a PatchSet: give its train or its validation"):
            model.transform(patches)
    model.save(tmp_path / "m.npz")
    loaded = IPVAE.load(tmp_path / "m.npz")
    loaded.set_params(progress=False).partial_fit(patches.train)
    assert loaded.parameters_.stimulus_shape == (3, 4)
    assert loaded.parameters_.whitening == whitening
    assert loaded.parameters_.provenance["data"] == "bars.npz"
    # How it was trained is told anew.
    loaded.set_params(ridge=0.02).partial_fit(patches.train)
    loaded.save(tmp_path / "again.npz")
    told = IPVAE.load(tmp_path / "again.npz").settings_
    assert told == loaded.settings_
    assert small(stimulus_shape=(12,)).fit(patches).parameters_.stimulus_shape == (12,)


def test_grid_search(digits):
    """A gain from an array is a NumPy number, and a model with it can be saved."""
    x = digits[0][:200]
    search = GridSearchCV(
        small(), {"n_neurons": [8, 24], "gain": np.array([2, 3])}, cv=2, error_score="raise"
    )
    search.fit(x)
    assert search.best_params_["n_neurons"] == 24


# Files


# Checkpoints


def interrupted(model, x, n_batches, monkeypatch, error=KeyboardInterrupt):
    """Fit until an error comes in the batch after `n_batches`."""
    original = Training._learn_from

    def learn_from(self, *arguments):
        if self.state.n_batches == n_batches:
            raise error
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_learn_from", learn_from)
        with pytest.raises(error):
            model.fit(x)
    return model


def test_ctrl_c_keeps_what_was_learned(tmp_path, monkeypatch):
    x, path = images(), tmp_path / "c.npz"
    model = interrupted(small(checkpoint=path, n_epochs=2), x, 7, monkeypatch)
    assert model.n_batches_ == 7
    assert model.transform(x[:5]).shape == (5, 8)
    assert os.listdir(tmp_path) == ["c.npz"]
    whole = small(n_epochs=2).fit(x)
    assert np.abs(model.components_ - whole.components_).max() > 1e-3
    resumed = small(checkpoint=path, n_epochs=2).fit(x, resume=True)
    assert resumed.n_batches_ == 12
    assert_same_parameters(resumed.parameters_, whole.parameters_)
    # Once more: nothing is left to learn.
    again = small(checkpoint=str(path), n_epochs=2).fit(x, resume=True)
    assert_same_parameters(again.parameters_, whole.parameters_)


def test_ctrl_c_without_a_checkpoint(monkeypatch):
    model = interrupted(small(), images(), 3, monkeypatch)
    assert model.n_batches_ == 3
    assert model.score(images(20)) <= 1


def test_other_errors_leave_the_last_checkpoint(tmp_path, monkeypatch):
    x, path = images(), tmp_path / "c.npz"
    model = small(checkpoint=path, checkpoint_every=2, n_epochs=2)
    interrupted(model, x, 7, monkeypatch, error=MemoryError)
    original = estimator.read_checkpoint
    n_batches = []

    def read_checkpoint(*arguments):
        state = original(*arguments)
        n_batches.append(state.n_batches)
        return state

    monkeypatch.setattr(estimator, "read_checkpoint", read_checkpoint)
    resumed = small(checkpoint=path, n_epochs=2).fit(x, resume=True)
    assert n_batches == [6]
    assert_same_parameters(resumed.parameters_, small(n_epochs=2).fit(x).parameters_)


def test_resume_refuses_what_does_not_belong(tmp_path):
    x, path = images(), tmp_path / "c.npz"
    model = small(checkpoint=path)
    model.fit(x)
    with pytest.raises(
        FileFormatError, match="c.npz: field 'training_sparsity' is 1.0, this .* 0.5"
    ):
        small(checkpoint=path, training_sparsity=0.5).fit(x, resume=True)
    with pytest.raises(FileFormatError, match="c.npz: field 'seed'"):
        small(checkpoint=path, random_state=1).fit(x, resume=True)
    with pytest.raises(FileFormatError, match="c.npz: field 'fingerprint'"):
        small(checkpoint=path, steps_per_tau=model.settings_["steps_per_tau"]).fit(
            images(seed=1), resume=True
        )
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(FileFormatError, match="c.npz"):
        small(checkpoint=path).fit(x, resume=True)
    with pytest.raises(ValueError, match="resume=True needs the file name in checkpoint"):
        small().fit(x, resume=True)


def test_resume_refuses_other_data_and_settings_whichever(tmp_path, monkeypatch):
    """Rows that a sample would miss, the standardisation, what is shown in which order."""
    x, path = 2 * images(), tmp_path / "c.npz"
    interrupted(small(checkpoint=path, steps_per_tau=20), x, 3, monkeypatch)

    def resume(stimuli, **changes):
        small(checkpoint=path, steps_per_tau=20, **changes).fit(stimuli, resume=True)

    other = x.copy()
    other[101, 5] += 1
    for stimuli in (other, x[::-1], iter([x]), np.float32(x)):
        with pytest.raises(FileFormatError, match="c.npz: field 'fingerprint'"):
            resume(stimuli)
    for name, value in {"standardise": False, "gain": 5.0, "learn_prior": True}.items():
        with pytest.raises(FileFormatError, match=f"c.npz: field '{name}' is .*, this training"):
            resume(x, **{name: value})
    resume(x)  # and what it belongs to is taken


def test_a_stream_resumes_with_what_it_began_with(tmp_path, monkeypatch):
    x, path = images(), tmp_path / "c.npz"
    arrays = [x[:100], x[100:200], x[200:]]
    interrupted(small(checkpoint=path), iter(arrays), 5, monkeypatch)
    other = [arrays[0], arrays[1] + 1, arrays[2]]
    with pytest.raises(FileFormatError, match="c.npz: field 'fingerprint'"):
        small(checkpoint=path).fit(iter(other), resume=True)
    with pytest.raises(FileFormatError, match="c.npz: field 'fingerprint'"):
        small(checkpoint=path).fit(iter(arrays[:2]), resume=True)
    resumed = small(checkpoint=path).fit(iter(arrays), resume=True)
    assert_same_parameters(resumed.parameters_, small().fit(iter(arrays)).parameters_)


def test_an_existing_checkpoint_is_not_written_over(tmp_path, monkeypatch):
    x, path = images(), tmp_path / "c.npz"
    interrupted(small(checkpoint=path), x, 3, monkeypatch)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="c.npz, is there already: .*resume=True.*overwrite"):
        small(checkpoint=path).fit(x)
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match="resume and overwrite exclude each other"):
        small(checkpoint=path).fit(x, resume=True, overwrite=True)
    anew = small(checkpoint=path).fit(x, overwrite=True)
    assert_same_parameters(anew.parameters_, small().fit(x).parameters_)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        small(checkpoint=tmp_path / "none" / "c.npz").fit(x)


def test_ctrl_c_while_the_dictionary_is_solved_for(tmp_path, monkeypatch):
    """All parts of the state are those after a whole number of batches, so it can be resumed."""
    x = images()
    whole = small(n_epochs=2).fit(x).parameters_
    for where in ("m_step", "revive", "distance"):
        path = tmp_path / f"{where}.npz"
        original, calls = getattr(training, where), []

        def stopped(*arguments, original=original, calls=calls, **options):
            calls.append(1)
            if len(calls) == 5:
                raise KeyboardInterrupt  # as a second Ctrl-C does, or the first between two runs
            return original(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(training, where, stopped)
            model = small(checkpoint=path, n_epochs=2)
            try:
                model.fit(x)
            except KeyboardInterrupt:
                assert model.n_batches_ == model._training.state.statistics.n_updates == 4
        resumed = small(checkpoint=path, n_epochs=2).fit(x, resume=True)
        assert_same_parameters(resumed.parameters_, whole)


def test_a_failed_fit_leaves_the_model_as_it_was(monkeypatch):
    """Its standardisation, too, which `transform` would have taken from the failed one."""
    x = images()
    model = small().fit(x)
    counts = model.transform(x[:10])
    interrupted(model, 3 * x + 50, 3, monkeypatch, error=RuntimeError)
    np.testing.assert_array_equal(model.transform(x[:10]), counts)
    np.testing.assert_allclose(model.inverse_transform(np.zeros((1, 8))), x.mean(), rtol=1e-6)


@pytest.mark.parametrize("offset", [1e6, 3e7, 1e8])
def test_offsets_leave_what_is_learned(fitted, offset):
    """Double precision holds the stimuli with these; what is lost is 1e-8 of their scale."""
    x = images(100, seed=1)
    model = small(n_neurons=24, n_epochs=8, inference_windows=6).fit(images() + offset)
    standardised = fitted.standardise_stimuli(x)
    np.testing.assert_allclose(model.standardise_stimuli(x + offset), standardised, atol=1e-6)
    decoded = model.inverse_transform(model.transform(x + offset)) - offset
    left = ((x - decoded) ** 2).sum(axis=1) / ((x - x.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    assert model.score(x + offset) == pytest.approx((1 - left).mean(), abs=1e-4)
    assert model.score(x + offset) == pytest.approx(fitted.score(x), abs=0.02)


def test_wrappers_are_refused(fitted):
    """Everywhere, before scikit-learn takes them for plain arrays."""
    x = np.ma.masked_greater(images(20), 160)
    assert x.mask.any()
    methods = (fitted.transform, fitted.score, fitted.simulate, fitted.distance)
    for method in (small().fit, small().partial_fit, *methods):
        with pytest.raises(TypeError, match="X has .* masked value"):
            method(x)
        with pytest.raises(TypeError, match="X must hold numbers without units"):
            method(images(20) * mV)
        with pytest.raises(TypeError, match="X is sparse"):
            method(csr_array(images(20)))
    with pytest.raises(TypeError, match="X has .* masked value"):
        small().fit(iter([images(20), x]))


def test_resume_without_a_file_begins(tmp_path):
    x, path = images(), tmp_path / "c.npz"
    model = small(checkpoint=path).fit(x, resume=True)
    assert path.is_file()
    assert_same_parameters(model.parameters_, small().fit(x).parameters_)


def test_full_disk_at_a_checkpoint(tmp_path, monkeypatch):
    x, path = images(), tmp_path / "c.npz"
    small(checkpoint=path).fit(x)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space left"):
            small(checkpoint=path, checkpoint_every=1, n_epochs=2).fit(x, overwrite=True)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["c.npz"]
