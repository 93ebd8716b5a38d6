"""Training finds a known dictionary, revives, tells of divergence and resumes."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from trainings import N_PIXELS, SETTINGS, assert_same, begin, learn, noise, resume, save

from ipvae_brian import DivergenceError, StabilityWarning
from ipvae_brian.learning import training
from ipvae_brian.learning.batches import checksum, shuffled_batches
from ipvae_brian.learning.training import Training

N_BATCHES = 20  # 195 stimuli twice


def sparse_combinations(n, n_pixels, n_neurons, n_active, seed):
    """Stimuli that are sums of few unit-norm columns with weights of 1 to 3, and the columns."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n_pixels, n_neurons))
    columns /= np.linalg.norm(columns, axis=0)
    active = np.argsort(rng.random((n, n_neurons)), axis=1)[:, :n_active]
    weights = np.zeros((n, n_neurons))
    np.put_along_axis(weights, active, rng.uniform(1, 3, active.shape), axis=1)
    return (weights @ columns.T).astype(np.float32), columns


def interrupt_after(n_batches):
    def after_batch(state):
        if state.n_batches == n_batches:
            raise KeyboardInterrupt

    return after_batch


# Learning


@pytest.mark.parametrize("seed", [1, 3])
def test_learning_recovers_the_dictionary(seed):
    """32 columns in 36 dimensions from 6,000 stimuli, twice; chance cosines are about 0.45.

    With these settings seeds 0 to 4 find 30 to 32 of the 32 columns; asked for are 29.
    """
    n_pixels, n_neurons = 36, 32
    stimuli, columns = sparse_combinations(6000, n_pixels, n_neurons, 2, seed=100 + seed)
    settings = replace(
        SETTINGS, n_neurons=n_neurons, batch_size=50, n_epochs=2, revive_after=4000, seed=seed
    )

    def found(dictionary):
        cosines = columns.T @ (dictionary / np.linalg.norm(dictionary, axis=0))
        return (cosines.max(axis=1) > 0.9).mean()

    r2 = []
    trained = begin(settings, n_pixels)
    assert found(trained.state.dictionary) == 0
    learn(stimuli, settings, going_on=trained, after_batch=lambda t: r2.append(t.figures["r2"]))
    assert found(trained.state.dictionary) >= 0.9
    # R2 grows over training: smoothed over about 20 of the 240 batches.
    assert r2[0] < 0.3 < r2[60] < r2[-1]
    assert r2[-1] > 0.75
    np.testing.assert_allclose(np.linalg.norm(trained.state.dictionary, axis=0), 0.4, rtol=1e-5)
    assert trained.state.n_diverged == 0
    # sigma2 is the mean squared error per pixel, so it is what R2 leaves of the variance.
    left = trained.state.statistics.noise_variance / (stimuli.var(axis=1).mean())
    assert left == pytest.approx(1 - r2[-1], abs=0.1)


def test_statistics_are_those_of_the_counts():
    """Without a single update of the dictionary that matters, one batch, one window."""
    stimuli = noise(20)
    settings = replace(SETTINGS, n_epochs=1, dictionary_step=1e-6, revive_after=10**6)
    before = begin(settings)
    trained = learn(stimuli, settings)
    statistics = trained.state.statistics
    assert trained.state.n_batches == statistics.n_updates == 1
    np.testing.assert_allclose(trained.state.dictionary, before.state.dictionary, atol=1e-5)
    # Second moments of whole numbers, 20 of them: E[z z^T] is a multiple of 1/20, and E[z] too.
    for moment in (statistics.count_by_count, statistics.mean_counts):
        np.testing.assert_allclose(20 * moment, np.round(20 * moment), atol=1e-3)
    assert (np.diag(statistics.count_by_count) >= statistics.mean_counts - 1e-6).all()
    assert statistics.mean_counts.sum() == pytest.approx(trained.state.figures["spikes"], rel=1e-5)
    phi = before.state.dictionary
    error = (
        (stimuli**2).sum() / 20
        - 2 * (statistics.stimulus_by_count * phi).sum()
        + ((phi @ statistics.count_by_count) * phi).sum()
    )
    assert statistics.noise_variance == pytest.approx(error / N_PIXELS, rel=1e-4)


def test_dead_neurons_are_revived():
    """Stimuli have no light in the last three pixels, and four neurons see nothing else.

    At this sparsity their potential falls from -2 to its bound, -8, in the window that is left
    out. Then the chance of one spike of the four is 4 * 20 * exp(-8) = 0.03 in a batch.
    """
    stimuli = noise()
    stimuli[:, 6:] = 0
    dictionary = np.random.default_rng(1).normal(size=(N_PIXELS, 10)).astype(np.float32)
    dictionary[6:, :6] = 0
    dictionary[:, 6:] = np.vstack([np.zeros((6, 4)), [[1, 0, 0, -1], [0, 1, 0, 0], [0, 0, 1, 1]]])
    settings = replace(SETTINGS, training_sparsity=1.5, n_epochs=1)
    never = replace(settings, revive_after=10**6)
    dead = learn(stimuli, never, dictionary=dictionary.copy())
    assert dead.state.n_revived == 0
    assert (dead.state.silent[6:] == 195).all()
    assert not dead.state.statistics.mean_counts[6:].any()
    cosines = (dead.state.dictionary * dictionary).sum(axis=0) / np.linalg.norm(dictionary, axis=0)
    np.testing.assert_allclose(cosines[6:], 0.4, rtol=1e-5)

    revived_after = []
    trained = learn(
        stimuli,
        settings,
        dictionary=dictionary.copy(),
        after_batch=lambda t: revived_after.append(t.n_revived),
    )
    # 60 stimuli are three batches.
    assert revived_after[:3] == [0, 0, 4]
    assert trained.state.n_revived == revived_after[-1]
    assert trained.state.statistics.mean_counts[6:].sum() > 0.05
    # Whatever they were revived from has no light there either.
    assert np.abs(trained.state.dictionary[6:, 6:]).max() < 1e-6
    assert trained.state.figures["r2"] > dead.state.figures["r2"]


def test_divergence_is_told_with_numbers():
    settings = replace(
        SETTINGS, steps_per_tau=1, training_gain=500.0, training_highest_potential=12.0
    )
    words = (
        r"diverged for \d+ of 20 stimuli in batch 1 at 1 steps per tau, training_gain 500: raise"
    )
    with pytest.raises(DivergenceError, match=words):
        learn(10 * noise(), settings)


STRONG = replace(SETTINGS, steps_per_tau=5, training_gain=7.0, n_epochs=1)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_steps_are_made_finer_until_nothing_diverges(n_jobs):
    """From the batch on that diverged, with what was learned before; in workers as in one run."""
    stimuli = noise()
    stimuli[:100] /= 4
    options = {"n_total": 10, "progress": False}
    batches = [stimuli[i : i + 20] for i in range(0, 195, 20)]
    trained = begin(STRONG)
    with pytest.raises(DivergenceError, match=r"in batch 6 at 5 steps per tau"):
        trained.learn(batches, **options)
    before = trained.state
    trained = Training(STRONG, begin(STRONG).state, may_refine=True)
    with pytest.warns(StabilityWarning, match="goes on at 10 steps per tau, because .* batch 6"):
        trained.learn(batches, n_jobs=n_jobs, **options)
    steps = trained.state.steps_per_tau
    assert trained.state.n_batches == 10
    assert steps in (10, 20, 40)
    # The same as a training that had known it.
    knowing = Training(STRONG, replace(before, steps_per_tau=steps))
    knowing.learn(batches[5:], **options)
    assert_same(trained, knowing)


def test_no_step_is_fine_enough_for_everything():
    settings = replace(SETTINGS, training_gain=500.0, training_highest_potential=12.0)
    trained = Training(settings, begin(settings).state, may_refine=True)
    with (
        pytest.warns(StabilityWarning, match="goes on at 40 steps"),
        pytest.raises(DivergenceError, match="at 1280 steps per tau"),
    ):
        trained.learn([10 * noise(20)], progress=False)


def test_in_continuous_time_a_high_gain_needs_no_finer_step():
    """What diverges at 20 steps per tau does not, spike by spike; a gain beyond use still does."""
    stepping = replace(SETTINGS, training_gain=16.0, training_highest_potential=6.0)
    with pytest.raises(DivergenceError, match="raise steps_per_tau, lower training_gain"):
        begin(stepping).learn([4 * noise(20)], progress=False)
    exact = replace(stepping, engine="events")
    trained = learn(4 * noise(), exact)
    assert trained.state.n_diverged == 0 and trained.state.n_batches == 20
    wild = replace(exact, training_gain=500.0, training_highest_potential=12.0)
    with pytest.raises(DivergenceError, match="per tau, training_gain 500: lower training_gain"):
        begin(wild).learn([10 * noise(20)], progress=False)


def test_few_diverged_stimuli_are_left_out(monkeypatch):
    """One of 20 is tolerated and counted; two are not."""
    original = training.statistics_of

    def diverge(n):
        def statistics_of(presentation, outcome, *others):
            outcome.diverged[:n] = True
            outcome.counts[:n] = 10**6
            return original(presentation, outcome, *others)

        monkeypatch.setattr(training, "statistics_of", statistics_of)

    diverge(1)
    trained = learn(noise(40), replace(SETTINGS, n_epochs=1))
    assert trained.state.n_diverged == 2
    assert trained.state.statistics.mean_counts.max() < 100
    diverge(2)
    with pytest.raises(DivergenceError, match="diverged for 2 of 20 stimuli"):
        learn(noise(40), replace(SETTINGS, n_epochs=1))


def test_an_error_after_a_batch_comes_through_and_the_training_can_go_on():
    def fail(state):
        raise RuntimeError("of the user")

    trained = begin()
    with pytest.raises(RuntimeError, match="of the user"):
        learn(noise(), going_on=trained, after_batch=fail)
    assert trained.state.n_batches == 1
    learn(noise(), going_on=trained)
    assert trained.state.n_batches == N_BATCHES


def test_constant_and_black_stimuli_do_no_harm():
    """In units of their own: all equal pixels, whose mean is rounded, and nothing at all."""
    stimuli = noise(40)
    stimuli[::2] = np.float32(0.1)
    stimuli[1::4] = 0
    settings = replace(SETTINGS, revive_after=1, n_epochs=3)
    trained = learn(stimuli, settings)
    assert np.isfinite(trained.state.dictionary).all()
    assert -10 < trained.state.figures["r2"] < 1
    black = learn(np.zeros((20, N_PIXELS), np.float32), settings)
    np.testing.assert_allclose(np.linalg.norm(black.state.dictionary, axis=0), 0.4, rtol=1e-5)


def test_seeds(uninterrupted):
    assert_same(learn(noise()), uninterrupted)
    other = learn(noise(), replace(SETTINGS, seed=4))
    assert np.abs(other.state.dictionary - uninterrupted.state.dictionary).max() > 0.01
    # Also where only the spikes differ, from the same start.
    start = begin().state.dictionary
    same = learn(noise(), dictionary=start.copy())
    assert_same(same, uninterrupted)
    other = learn(noise(), replace(SETTINGS, seed=4), dictionary=start.copy())
    assert np.abs(other.state.dictionary - uninterrupted.state.dictionary).max() > 0.01


# Batches


@pytest.mark.parametrize(("n", "batch_size"), [(195, 20), (40, 20), (7, 20), (5, 1)])
def test_every_epoch_has_every_stimulus_once(n, batch_size):
    stimuli = np.arange(n)[:, None]
    per_epoch = -(-n // batch_size)
    batches = list(shuffled_batches(stimuli, batch_size, 3, seed=1))
    assert len(batches) == 3 * per_epoch
    assert all(len(b) <= batch_size for b in batches)
    orders = [batches[i : i + per_epoch] for i in range(0, len(batches), per_epoch)]
    for order in orders:
        assert sorted(np.concatenate(order)[:, 0]) == list(range(n))
    for first in range(len(batches) + 1):
        rest = list(shuffled_batches(stimuli, batch_size, 3, seed=1, first=first))
        assert len(rest) == len(batches) - first
        for one, other in zip(rest, batches[first:], strict=True):
            np.testing.assert_array_equal(one, other)


def test_batches_are_shuffled_by_epoch_and_seed():
    stimuli = np.arange(200)[:, None]

    def first_batch(seed, epoch):
        return set(next(shuffled_batches(stimuli, 20, 3, seed, first=10 * epoch))[:, 0])

    assert len({frozenset(first_batch(s, e)) for s in (1, 2) for e in (0, 1)}) == 4
    assert first_batch(1, 0) != set(range(20))


# Going on from a checkpoint


@pytest.mark.parametrize("n_batches", [1, 7, 10, 19, 20])
def test_interrupted_and_resumed_is_the_same(uninterrupted, tmp_path, n_batches):
    path, mark = tmp_path / "c.npz", checksum(noise())
    trained = begin()
    with pytest.raises(KeyboardInterrupt):
        learn(noise(), going_on=trained, after_batch=interrupt_after(n_batches))
    assert trained.state.n_batches == n_batches
    save(trained, path, mark)
    resumed = resume(path, SETTINGS, mark)
    assert_same(resumed, trained)
    learn(noise(), going_on=resumed)
    assert_same(resumed, uninterrupted)
    # Also without a file, in the same process.
    assert_same(learn(noise(), going_on=trained), uninterrupted)


def test_ctrl_c_in_the_middle_of_an_update(uninterrupted, monkeypatch, tmp_path):
    """The signal comes between two lines that change the state; the batch is still completed."""
    path, mark = tmp_path / "c.npz", checksum(noise())
    trained = begin()
    original = training.m_step

    def m_step(*arguments, **options):
        if trained.state.n_batches == 6:
            signal.raise_signal(signal.SIGINT)
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(training, "m_step", m_step)
        with pytest.raises(KeyboardInterrupt):
            learn(noise(), going_on=trained)
    assert trained.state.n_batches == 7
    save(trained, path, mark)
    assert_same(learn(noise(), going_on=resume(path, SETTINGS, mark)), uninterrupted)


KILLED = """
import os, signal, sys
import numpy as np
from ipvae_brian import IPVAE
from ipvae_brian.learning import estimator
from ipvae_brian.learning.training import Training

path, how = sys.argv[1:]

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if how == "batch":
    learn = Training._learn_from
    def learn_from(self, *arguments):
        if self.state.n_batches == 7:
            kill()
        return learn(self, *arguments)
    Training._learn_from = learn_from
elif how == "write":
    save = estimator.write_checkpoint
    def save_and_die(path, state, *others):
        if state.n_batches == 8:
            os.fsync = kill
        return save(path, state, *others)
    estimator.write_checkpoint = save_and_die
x = np.random.default_rng(0).normal(size=(200, 9))
model = IPVAE(n_neurons=10, batch_size=20, n_epochs=2, random_state=0, steps_per_tau=20,
              revive_after=60, checkpoint=path, checkpoint_every=2, progress=False)
model.fit(x, resume=how == "resume")
np.savez(path + ".weights.npz", dictionary=model.parameters_.dictionary, batches=model.n_batches_,
         mean_counts=model.mean_counts_, r2=model.training_figures_["r2"])
"""


def run(path, how):
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(path), how]
    return subprocess.run(command, env=environment, capture_output=True, check=False)


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "c.npz"
    result = run(path, "whole")
    assert result.returncode == 0, result.stderr.decode()
    return dict(np.load(f"{path}.weights.npz"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("how", ["batch", "write"])
def test_killed_and_resumed_is_the_same(never_killed, tmp_path, how):
    """Killed while learning from the 8th batch, or while writing the checkpoint after it."""
    path = tmp_path / "c.npz"
    result = run(path, how)
    assert result.returncode == -signal.SIGKILL, result.stderr.decode()
    with np.load(path) as file:
        assert json.loads(str(file["metadata"]))["n_batches"] == 6
    result = run(path, "resume")
    assert result.returncode == 0, result.stderr.decode()
    weights = dict(np.load(f"{path}.weights.npz"))
    assert weights.keys() == never_killed.keys()
    for name, value in never_killed.items():
        np.testing.assert_array_equal(weights[name], value, name)
