"""Warnings point at the user's line, whatever way through the package leads to them."""

import warnings

import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ipvae_brian import IPVAE, SpikingNetwork, StabilityWarning, evaluate
from ipvae_brian._tools.caller import held_back, warn_user


def line_of(function):
    """The line after `def`: each function here has one."""
    return function.__code__.co_firstlineno + 1


@pytest.fixture(scope="module")
def jumpy():
    """Parameters of which the package warns at coarse steps: a spike changes a potential by 6."""
    return make_parameters(natural_gradient_step=8.0)


@pytest.fixture(scope="module")
def too_jumpy():
    """And at every step: by 11."""
    return make_parameters(natural_gradient_step=16.0)


@pytest.fixture(scope="module")
def jumpy_estimator(stimuli):
    return IPVAE(
        4,
        gain=25.0,
        engine="numba",
        batch_size=10,
        inference_windows=1,
        random_state=0,
        progress=False,
    ).fit(np.tile(stimuli, (4, 1)))


def assert_points_at(function):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    ours = [w for w in caught if issubclass(w.category, StabilityWarning)]
    assert ours
    for warning in ours:
        assert (warning.filename, warning.lineno) == (__file__, line_of(function))


def test_of_a_network(jumpy, too_jumpy, stimuli):
    network = SpikingNetwork(jumpy, dt=0.25 * ms)

    def present():
        network.present(stimuli[0], 5 * ms, seed=1)

    def present_movie():
        network.present_movie(4 * stimuli, 5 * ms, seed=1)

    def present_at_a_chosen_step():
        SpikingNetwork(too_jumpy).present(stimuli[0], 5 * ms, seed=1)

    def build():
        SpikingNetwork(too_jumpy).build(stimuli)

    for function in (present, present_movie, present_at_a_chosen_step, build):
        assert_points_at(function)


def test_of_a_run_that_is_repeated(stimuli, monkeypatch):
    """At a step that the package chose too coarse."""
    from ipvae_brian.network import spiking

    parameters = make_parameters(natural_gradient_step=2.0)
    monkeypatch.setattr(spiking, "choose_dt", lambda *args, **options: 20e-3)
    monkeypatch.setattr("ipvae_brian.network.stability.HALVINGS", 8)

    def present():
        SpikingNetwork(parameters, n_copies=5, engine="numba").present(3 * stimuli, 200 * ms)

    assert_points_at(present)


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_of_an_evaluation(jumpy, too_jumpy, stimuli, n_jobs):
    options = {"windows": 1, "engine": "numba", "progress": False}

    def at_a_chosen_step():
        evaluate(too_jumpy, stimuli, n_copies=3, n_jobs=n_jobs, **options)

    def at_a_given_step():
        evaluate(jumpy, stimuli, dt=0.1 * ms, n_jobs=n_jobs, **options)

    assert_points_at(at_a_chosen_step)
    assert_points_at(at_a_given_step)


def test_of_the_estimator(jumpy_estimator, stimuli):
    """Scikit-learn wraps `transform`; its frames are not the user's either."""
    pipeline = make_pipeline(FunctionTransformer(), jumpy_estimator)

    def transform():
        jumpy_estimator.transform(stimuli)

    def score():
        jumpy_estimator.score(stimuli)

    def simulate():
        jumpy_estimator.simulate(stimuli)

    def within_a_pipeline():
        pipeline.transform(stimuli)

    for function in (transform, score, simulate, within_a_pipeline):
        assert_points_at(function)


def test_each_place_is_warned_of_once_by_default():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            warn_user("the same", StabilityWarning)
    assert len(caught) == 1


def test_where_nobody_is_outside_of_the_package(monkeypatch):
    """As in a worker process, where all frames are libraries': the outermost is told."""
    monkeypatch.setattr("ipvae_brian._tools.caller._package", lambda frame: "joblib")
    with pytest.warns(StabilityWarning, match="hidden") as caught:
        warn_user("hidden", StabilityWarning)
    assert caught[0].filename != __file__


def test_one_category_is_held_back_and_others_are_passed_on():
    with (
        pytest.warns(RuntimeWarning, match="overflow") as caught,
        held_back(StabilityWarning) as told,
    ):
        for _ in range(2):
            warnings.warn("coarse", StabilityWarning, stacklevel=1)
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
    assert told == ["coarse", "coarse"]
    assert [str(w.message) for w in caught] == ["overflow"]
