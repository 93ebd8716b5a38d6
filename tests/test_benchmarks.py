"""The benchmarks: the peers are right, results are merged and complete. Times are not tested."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import measure, run, table
from benchmarks.peers.lca import LCA, soft_threshold
from benchmarks.rows import convergence, scaling, training
from ipvae_brian.learning.evaluation import with_gain

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results.json"


# PyTorch


@pytest.fixture(scope="session")
def peer_module():
    pytest.importorskip("torch")
    from benchmarks.peers import poisson_vae_torch

    return poisson_vae_torch


def reference_update(potential, stimuli, counts, parameters):
    """The paper's update in NumPy, double precision."""

    def soft_upper(values):
        return 10 - np.log1p(np.exp(10 - values))

    phi, variance = parameters.dictionary, parameters.noise_variance
    drive = (stimuli - counts @ phi.T) @ phi / variance
    change = parameters.natural_gradient_step * (drive - parameters.threshold)
    return soft_upper(np.maximum(potential + soft_upper(np.maximum(change, -8)), -8))


@pytest.fixture
def uniform(parameters):
    """Parameters with one step for all neurons, as the paper's model has."""
    return with_gain(parameters, 0.3 * parameters.spike_sizes.mean())


@pytest.fixture
def peer(peer_module, uniform):
    model = peer_module.PoissonVAE.from_parameters(uniform)
    step = uniform.natural_gradient_step.mean()
    object.__setattr__(uniform, "natural_gradient_step", np.full(uniform.n_neurons, step))
    return model


def test_torch_update_is_that_of_the_equations(peer, uniform, stimuli, rng):
    import torch

    potential = rng.normal(size=(5, 12))
    counts = rng.poisson(1.0, (5, 12))
    expected = reference_update(potential, stimuli, counts, uniform)
    single = [torch.tensor(a, dtype=torch.float32) for a in (potential, stimuli, counts)]
    np.testing.assert_allclose(peer.update(*single).detach(), expected, atol=2e-5)
    # Far below the clamps it is the discrete update of the package.
    plain = uniform.natural_gradient_step * (
        uniform.drive(stimuli) - uniform.threshold - counts @ uniform.lateral_weights
    )
    np.testing.assert_allclose(expected, potential + plain, atol=5e-3)


def test_torch_inference_is_the_update_with_its_own_draws(peer, stimuli, monkeypatch):
    import torch

    x = torch.tensor(stimuli, dtype=torch.float32)
    drawn = []
    poisson = torch.poisson

    def recording(rates):
        drawn.append(poisson(rates))
        return drawn[-1]

    monkeypatch.setattr(torch, "poisson", recording)
    torch.manual_seed(0)
    counts, potential, reconstruction, divergence = peer.infer(x, 4)
    assert len(drawn) == 2 * 4
    with torch.no_grad():
        u = peer.start.expand(5, -1)
        losses = torch.zeros(2, 5)
        for first, second in zip(drawn[::2], drawn[1::2], strict=True):
            prior, u = u, peer.update(u, x, first)
            losses += torch.stack(peer.losses(u, prior, x, second))
    torch.testing.assert_close(potential, u, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(counts, drawn[-1])
    torch.testing.assert_close(torch.stack([reconstruction, divergence]), losses)


def test_relaxed_counts_become_poisson_counts_with_the_gradient_of_their_mean(peer_module):
    import torch

    torch.manual_seed(0)
    potential = torch.log(torch.tensor([0.05, 1.0, 6.0])).repeat(100_000, 1).requires_grad_()
    counts = peer_module.RelaxedPoisson.apply(potential, 0.02)
    rates = torch.tensor([0.05, 1.0, 6.0])
    torch.testing.assert_close(counts.mean(0).detach(), rates, rtol=0.03, atol=0)
    torch.testing.assert_close(counts.var(0).detach(), rates, rtol=0.04, atol=0)
    (gradient,) = torch.autograd.grad(counts.sum(), potential)
    torch.testing.assert_close(gradient.mean(0), rates, rtol=0.1, atol=0)


def test_relaxed_counts_have_the_derivative_of_their_own_arrivals(peer_module):
    import torch

    potential = torch.zeros(50, 4, requires_grad=True)

    def counts(shift):
        torch.manual_seed(3)
        return peer_module.RelaxedPoisson.apply(potential + shift, 0.5)

    (gradient,) = torch.autograd.grad(counts(0).sum(), potential)
    difference = (counts(1e-3) - counts(-1e-3)).detach() / 2e-3
    assert np.median((gradient - difference).abs()) < 1e-2


def test_torch_training_lowers_the_loss(peer_module, rng):
    import torch

    torch.manual_seed(0)
    # Four causes, each a pattern of its own.
    causes = rng.poisson(0.5, (400, 4)) @ rng.normal(size=(4, 16))
    x = torch.tensor(causes, dtype=torch.float32)
    trainer = peer_module.Trainer(peer_module.PoissonVAE(16, 8), n_steps=4, beta=0.1)
    losses = [trainer.iteration(x, 0.5) for _ in range(100)]
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 3


# LCA and scikit-learn


@pytest.fixture
def unit_dictionary(rng):
    dictionary = rng.normal(size=(16, 24))
    return dictionary / np.linalg.norm(dictionary, axis=0)


def assert_solves_lasso(stimuli, code, dictionary, sparsity, nonnegative, tolerance):
    """The optimality conditions of |x - D a|^2 / 2 + sparsity |a|_1."""
    correlation = (stimuli - code @ dictionary.T) @ dictionary
    active = code != 0
    assert active.any() and not active.all()
    np.testing.assert_allclose(
        correlation[active], sparsity * np.sign(code[active]), atol=tolerance
    )
    bound = correlation if nonnegative else np.abs(correlation)
    assert (bound[~active] <= sparsity + tolerance).all()
    if nonnegative:
        assert (code >= 0).all()


@pytest.mark.parametrize("nonnegative", [False, True])
def test_lca_ends_where_the_lasso_is_solved(stimuli, unit_dictionary, nonnegative):
    code = LCA(unit_dictionary, 0.4, nonnegative=nonnegative).infer(stimuli, 5000)
    assert_solves_lasso(stimuli, code, unit_dictionary, 0.4, nonnegative, 2e-3)


def test_scikit_learn_solves_the_same_problem(stimuli, unit_dictionary):
    from benchmarks.peers.dictionary_learning import DictionaryLearning

    peer = DictionaryLearning(24, batch_size=5)
    peer.learn(stimuli)
    peer.estimator.components_ = unit_dictionary.T.copy()
    code = peer.infer(stimuli, 0.4)
    assert_solves_lasso(stimuli, code, unit_dictionary, 0.4, False, 2e-3)


def test_soft_threshold():
    v = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    assert soft_threshold(v, 1.0, False).tolist() == [-1, 0, 0, 0, 1]
    assert soft_threshold(v, 1.0, True).tolist() == [0, 0, 0, 0, 1]


def test_lca_learns_a_dictionary(rng):
    truth = rng.normal(size=(16, 8))
    truth /= np.linalg.norm(truth, axis=0)
    x = (rng.random((2000, 8)) < 0.15) * rng.uniform(1, 3, (2000, 8)) @ truth.T
    lca = LCA.random(16, 8, sparsity=0.1)

    def error():
        return ((x - lca.infer(x) @ lca.dictionary.T) ** 2).mean()

    before = error()
    for i in range(200):
        lca.learn(x[i % 10 * 200 : i % 10 * 200 + 200])
    assert error() < 0.5 * before
    np.testing.assert_allclose(np.linalg.norm(lca.dictionary, axis=0), 1, rtol=1e-5)


# Measuring


@pytest.mark.parametrize("slope", [0.7, 1, 2])
def test_exponents_are_recovered(slope):
    sizes = np.array([128, 256, 512, 1024])
    assert measure.fit_exponent(sizes, 3e-6 * sizes**slope) == pytest.approx(slope)


def test_contestants_take_turns():
    calls = []

    def contestant(name):
        def run():
            calls.append(name)
            return len(calls)

        return run

    costs = measure.alternate({name: contestant(name) for name in "ab"}, 2)
    assert calls == list("ababab")
    assert costs == {"a": [3, 5], "b": [4, 6]}  # the first round is for warming up


def test_settled_after_the_first_value_near_the_last_ones():
    assert convergence.settled_after([0.1, 0.5, 0.795, 0.8, 0.8]) == (3, pytest.approx(0.8))


def test_state_and_weights():
    assert scaling.state_bytes(10, 8, 4) == 4 * (6 * 80 + 64 + 32)


def result_of(levels):
    return {"cpu_seconds_to": dict(zip(("0.32", "0.3", "0.285"), levels, strict=True))}


@pytest.mark.parametrize(
    ("peer", "mine", "value", "basis"),
    [
        ((100, 300, None), (2, 3, 4), 100, "at d = 0.3"),
        ((None, None, None), (2, 3, 4), 900, "lower bound"),
        ((None, None, None), (None, None, None), None, "we do not"),
    ],
)
def test_ratio_of_trainings(peer, mine, value, basis):
    found, reason = training.ratio(result_of(peer), result_of(mine), 1800)
    assert found == value and reason.startswith(basis)


def summary(*trainings_and_distances):
    """Summary of trainings that yield (seconds, d)."""

    def contestant_of(entries):
        def contestant(train, validation, limit, seed):
            for seconds, d in entries:
                yield seconds, {"distance": d}, {"stimuli": 100}

        return contestant

    trainings, traces = [], []
    for entries, settings in trainings_and_distances:
        trainings.append(training.Training(contestant_of(entries), **settings))
        traces.append(trainings[-1].run(None, None, 60))
    return training.summary(trainings, traces)


def test_training_keeps_the_shortest_time_to_each_level():
    result = summary((((10, 0.31), (20, 0.305), (5, 0.29)), {}))
    assert result["cpu_seconds_to"] == {"0.32": 5, "0.3": 5, "0.285": None}
    assert result["best_distance"] == 0.29
    (one,) = result["trainings"]
    assert one["trace"][0] == {"cpu_seconds": 10, "distance": 0.31, "stimuli": 100}


@pytest.mark.parametrize(("until", "length"), [(0.285, 2), (0.3, 1)])
def test_training_ends_below_its_last_level(until, length):
    def contestant(train, validation, limit, seed):
        yield 1, {"distance": 0.29}, {}
        yield 2, {"distance": 0.28}, {}
        raise AssertionError("asked for more")

    assert len(training.Training(contestant, until=until).run(None, None, 60)) == length


def test_training_gets_its_seed_and_its_share_of_the_limit():
    def contestant(train, validation, limit, seed):
        yield limit, {"distance": seed}, {}

    (entry,) = training.Training(contestant, seed=3, share=0.25).run(None, None, 60)
    assert entry == {"cpu_seconds": 15, "distance": 3}


def test_trainings_of_one_seed_complete_each_other():
    result = summary((((9, 0.31),), {}), (((4, 0.31), (5, 0.29)), {"share": 0.5}))
    assert result["cpu_seconds_to"] == {"0.32": 4, "0.3": 5, "0.285": None}
    assert result["seeds"] == {"0.32": 1, "0.3": 1, "0.285": 1}


def test_seeds_repeat_each_other_where_they_try_a_level():
    result = summary(
        (((9, 0.31), (30, 0.28)), {}),
        (((4, 0.31), (5, 0.29)), {"seed": 1, "until": 0.3}),
        (((6, 0.31),), {"seed": 2, "until": 0.3}),
    )
    # Of three seeds 4, 6 and 9; 5, 30 and never; only the first goes on below the last.
    assert result["cpu_seconds_to"] == {"0.32": 6, "0.3": 30, "0.285": 30}
    assert result["seeds"] == {"0.32": 3, "0.3": 3, "0.285": 1}
    assert result["best_distance"] == 0.28


def test_level_that_half_of_the_seeds_do_not_reach():
    result = summary((((9, 0.31),), {}), (((9, 0.33),), {"seed": 1}))
    assert result["cpu_seconds_to"]["0.32"] is None


def test_all_contestants_are_repeated_five_times():
    for name, trainings in training.TRAININGS.items():
        tried = {one.seed for one in trainings if one.until <= 0.3}
        assert len(tried) == training.REPEATS >= 5, name
        assert sum(one.share for one in trainings if one.until == min(training.LEVELS)) >= 1


# Results


def results(**rows):
    """Results as written, with one figure in each row."""
    names = list(table.FIGURES)
    entries = {
        number: {"figures": {names[int(number) - 1]: value}} for number, value in rows.items()
    }
    figures = {}
    for entry in entries.values():
        figures |= entry["figures"]
    head = {"format_version": run.FORMAT_VERSION, "machine": {"cores": 2}, "quick": False}
    return head | {"rows": entries, "figures": figures}


def test_partial_results_are_merged():
    merged = run.merged(results(**{"1": 1.0, "3": 3.0}), results(**{"3": 4.0, "5": 5.0}))
    assert list(merged["rows"]) == ["1", "3", "5"]
    assert list(merged["figures"].values()) == [1.0, 4.0, 5.0]
    assert run.merged(None, results(**{"1": 1.0})) == results(**{"1": 1.0})


@pytest.mark.parametrize(("key", "value"), [("machine", {"cores": 64}), ("quick", True)])
def test_results_of_other_machines_and_quick_runs_are_not_merged(key, value):
    with pytest.raises(ValueError, match=f"existing results have {key}"):
        run.merged(results(**{"1": 1.0}) | {key: value}, results(**{"2": 1.0}))


def test_rows_are_checked():
    assert run.row_numbers("2,5") == [2, 5]
    with pytest.raises(Exception, match="rows are 1 to 6, got 7"):
        run.row_numbers("1,7")


def test_a_row_without_its_data_is_skipped(tmp_path):
    from benchmarks.common import Setup

    found = run.measure_rows([3], Setup(data=None, folder=tmp_path), "command", lambda text: None)
    assert "skipped" in found["rows"]["3"]["detail"]
    assert found["figures"] == {}


def test_machine_is_described_without_its_name():
    import platform

    described = json.dumps([measure.machine(), measure.versions()])
    assert {"processor", "cores", "memory_gb", "system"} == set(measure.machine())
    assert platform.node() not in described or not platform.node()


@pytest.fixture(scope="module")
def committed():
    if not RESULTS.is_file():
        pytest.skip("no benchmarks/results.json yet")
    return json.loads(RESULTS.read_text())


def test_committed_figures_are_complete(committed):
    assert not committed["quick"]
    assert set(committed["figures"]) == set(table.FIGURES)
    assert all(math.isfinite(value) for value in committed["figures"].values())
    assert set(committed["rows"]) == set(map(str, run.ROWS))


def test_committed_table_is_that_of_the_results(committed):
    page = RESULTS.parents[1] / "docs" / "benchmarks.md"
    assert page.read_text() == table.document(committed)
