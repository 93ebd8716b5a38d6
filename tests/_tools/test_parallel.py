"""Work on several processes: the same result as one, also when a worker dies; large stimuli."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import IPVAE, MemoryLimitError, Parameters, SpikingNetwork
from ipvae_brian._tools.parallel import OneNetwork, parts, run_tasks
from ipvae_brian.errors import StabilityWarning
from ipvae_brian.learning.evaluation import evaluate
from ipvae_brian.learning.standardisation import Standardisation
from ipvae_brian.learning.training import Training

ESTIMATOR = {
    "n_neurons": 12,
    "batch_size": 1200,  # three chunks
    "n_epochs": 3,
    "steps_per_tau": 20,
    "inference_windows": 3,
    "random_state": 5,
    "progress": False,
}


@pytest.fixture(scope="module")
def parameters():
    rng = np.random.default_rng(2)
    return Parameters.from_unit_dictionary(
        rng.normal(size=(16, 12)), spike_size=0.4, gain=1.0, sparsity=0.2
    )


@pytest.fixture(scope="module")
def stimuli():
    rng = np.random.default_rng(3)
    return (rng.normal(size=(1500, 4)) @ rng.normal(size=(4, 16)) / 2).astype(np.float32)


@pytest.fixture(scope="module")
def one_process(stimuli):
    return IPVAE(**ESTIMATOR).fit(stimuli)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed", reason="needs the extra [cluster]")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


def same_weights(first, second):
    np.testing.assert_array_equal(first.parameters_.dictionary, second.parameters_.dictionary)
    np.testing.assert_array_equal(first.mean_counts_, second.mean_counts_)
    assert first.noise_variance_ == second.noise_variance_
    assert first.n_batches_ == second.n_batches_


def test_parts_of_a_job_are_the_job(parameters, stimuli):
    """`first_stimulus` numbers the waves of copies; each has random numbers of its own."""
    options = {"n_copies": 10, "dt": 1 * ms}
    for engine in ("numba", "numpy", "brian2"):
        network = SpikingNetwork(parameters, engine=engine, **options)
        whole = network.present(stimuli[:35], 40 * ms, seed=4)
        part = network.present(stimuli[20:35], 40 * ms, seed=4, first_stimulus=20)
        np.testing.assert_array_equal(part.counts, whole.counts[20:])
        np.testing.assert_allclose(part.expected_counts, whole.expected_counts[20:], rtol=1e-6)
        other = network.present(stimuli[20:35], 40 * ms, seed=4)
        assert (other.counts != whole.counts[20:]).any()
        with pytest.raises(ValueError, match="first_stimulus must be a multiple of n_copies = 10"):
            network.present(stimuli[:5], 40 * ms, seed=4, first_stimulus=5)


@pytest.mark.parametrize("engine", ["numba", "numpy", "brian2"])
def test_evaluation_on_two_processes(parameters, stimuli, engine):
    def figures(n_jobs):
        options = {"windows": 3, "n_copies": 50, "engine": engine, "progress": False}
        figures, response = evaluate(parameters, stimuli[:330], n_jobs=n_jobs, **options)
        figures.pop("seconds")
        return figures, response.counts

    (one, counts), (two, counts_of_two) = figures(1), figures(2)
    np.testing.assert_array_equal(counts, counts_of_two)
    assert one == two


def test_evaluation_where_memory_is_not_shared(parameters, stimuli, monkeypatch):
    options = {"windows": 3, "n_copies": 50, "n_jobs": 2, "progress": False}
    figures, response = evaluate(parameters, stimuli[:330], **options)
    monkeypatch.delattr(os, "memfd_create", raising=False)
    figures_sent, sent = evaluate(parameters, stimuli[:330], **options)
    figures.pop("seconds"), figures_sent.pop("seconds")
    assert figures_sent == figures
    np.testing.assert_array_equal(sent.counts, response.counts)
    np.testing.assert_array_equal(sent.expected_counts, response.expected_counts)
    assert sent.counts.dtype == response.counts.dtype == np.int32


def test_the_step_is_checked_once_for_all_processes(parameters, stimuli):
    """As one process does it; workers, whose warnings nobody sees, do not check again."""
    strong = 2.5 * stimuli[:200]
    for n_jobs in (1, 2):
        options = {"windows": 2, "dt": 2 * ms, "n_copies": 50, "n_jobs": n_jobs, "progress": False}
        options["engine"] = "numba"  # in continuous time no step is too coarse
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            evaluate(parameters, strong, **options)
        assert [w.category for w in warned].count(StabilityWarning) == 1, n_jobs
    with pytest.raises(ValueError, match="divided by a whole number"):
        evaluate(parameters, stimuli[:200], windows=2, dt=3 * ms, n_jobs=2)


def test_results_that_do_not_fit_are_refused_before_simulating(parameters, stimuli, monkeypatch):
    monkeypatch.setattr("ipvae_brian._tools.memory.available_memory", lambda: 1e5)
    with pytest.raises(MemoryLimitError, match="present fewer stimuli"):
        evaluate(parameters, stimuli, windows=2, n_jobs=2)


@pytest.mark.parametrize("progress", [True, False])
def test_progress_of_many_processes(parameters, stimuli, capsys, progress):
    options = {"windows": 2, "n_copies": 50, "n_jobs": 2, "progress": progress}
    evaluate(parameters, stimuli[:200], **options)
    assert ("| 0/4" in capsys.readouterr().err) is progress


def test_training_on_two_processes(one_process, stimuli):
    two = IPVAE(**ESTIMATOR, n_jobs=2).fit(stimuli)
    same_weights(two, one_process)
    np.testing.assert_array_equal(
        two.transform(stimuli[:250]), one_process.transform(stimuli[:250])
    )
    again = IPVAE(**ESTIMATOR, n_jobs=2).partial_fit(stimuli[:700])
    same_weights(again, IPVAE(**ESTIMATOR).partial_fit(stimuli[:700]))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threading", "multiprocessing", "loky", "sequential"])
@pytest.mark.parametrize("engine", ["numba", "brian2"])
def test_backends_of_joblib(parameters, stimuli, backend, engine):
    """Threads wait for each other; forks do without the threads of the process they come from."""
    options = ESTIMATOR | {"engine": engine, "n_epochs": 1}
    evaluation = {"windows": 2, "n_copies": 50, "engine": engine, "progress": False}
    here, response = evaluate(parameters, stimuli[:130], **evaluation)
    alone = IPVAE(**options).fit(stimuli)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        same_weights(IPVAE(**options).fit(stimuli), alone)
        there, of_workers = evaluate(parameters, stimuli[:130], **evaluation)
    np.testing.assert_array_equal(of_workers.counts, response.counts)
    assert there["r2"] == here["r2"]


THREADS = """
import numpy as np
from ipvae_brian import IPVAE

rng = np.random.default_rng(0)
stimuli = rng.standard_normal((4000, 256), np.float32)
options = {"batch_size": 1000, "n_epochs": 1, "random_state": 0, "n_windows": 2, "progress": False}
if __name__ == "__main__":
    one, two = (IPVAE(n_jobs=n, **options).fit(stimuli).parameters_ for n in (1, 2))
    print(np.array_equal(one.dictionary, two.dictionary))
"""


@pytest.mark.slow
def test_threads_of_blas_make_no_difference(tmp_path):
    """Of real size and with threads, where parts of a product round otherwise than all of it."""
    script = tmp_path / "threads.py"
    script.write_text(THREADS)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True"]


def test_training_and_evaluation_on_a_dask_cluster(one_process, parameters, stimuli, cluster):
    with joblib.parallel_config(backend="dask"):
        same_weights(IPVAE(**ESTIMATOR).fit(stimuli), one_process)
        on_cluster, _ = evaluate(parameters, stimuli[:200], windows=2, n_copies=25, progress=False)
    here, _ = evaluate(parameters, stimuli[:200], windows=2, n_copies=25, progress=False)
    assert on_cluster["r2"] == here["r2"]


def test_a_killed_dask_worker_loses_nothing(one_process, stimuli, cluster, monkeypatch):
    original = Training._learn_from
    killed = []

    def learn_from(self, *arguments):
        if self.state.n_batches == 3:
            killed.append(cluster.submit(os.getpid, pure=False).result())
            os.kill(killed[0], signal.SIGKILL)
        return original(self, *arguments)

    monkeypatch.setattr(Training, "_learn_from", learn_from)
    with joblib.parallel_config(backend="dask"):
        same_weights(IPVAE(**ESTIMATOR).fit(stimuli), one_process)
    assert killed


def _die_once(path, number):
    """The first worker that comes by dies."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return number**2
    os.kill(os.getpid(), signal.SIGKILL)


def _die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_tasks_of_a_killed_process_are_done_again(tmp_path):
    tasks = [(tmp_path / "flag", i) for i in range(6)]
    with pytest.warns(RuntimeWarning, match="worker process was killed"):
        assert run_tasks(_die_once, tasks, 2) == [i**2 for i in range(6)]


@pytest.mark.slow
def test_tasks_that_always_kill_are_given_up():
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with (
        pytest.warns(RuntimeWarning, match="attempt 3 of 3"),
        pytest.raises(TerminatedWorkerError),
    ):
        run_tasks(_die, [(0,), (1,)], 2)


LEFT_BEHIND = """
import sys, time
import numpy as np
from ipvae_brian._tools.parallel import Workers

if __name__ == "__main__":
    with Workers(2) as workers:
        for _ in range(5):
            workers.run(divmod, [(7, 2)] * 4)
        print("running", flush=True)
        workers.run(time.sleep, [(600,)] * 4)
"""


def _children(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in found.stdout.split()]


def _alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs /proc and /dev/shm of Linux")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_workers_leave_with_the_process_that_started_them(tmp_path, sent):
    """And what joblib keeps in shared memory with them: one folder, not one for each lot."""
    script = tmp_path / "left_behind.py"
    script.write_text(LEFT_BEHIND)
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout.readline() == b"running\n"
        time.sleep(1)  # for the last tasks to begin
        workers = _children(process.pid)
        assert len(workers) >= 2

        def folders():
            return list(Path("/dev/shm").glob(f"joblib_*_{process.pid}_*"))

        assert len(folders()) <= 2
        process.send_signal(sent)
    assert process.returncode == -sent
    until = time.monotonic() + 60
    while (any(map(_alive, workers)) or folders()) and time.monotonic() < until:
        time.sleep(0.2)
    assert not any(map(_alive, workers))
    assert not folders()


@pytest.mark.parametrize(
    ("n", "size", "n_parts", "expected"),
    [
        (10, 5, 2, [(0, 5), (5, 10)]),
        (11, 5, 2, [(0, 10), (10, 11)]),
        (3, 5, 4, [(0, 3)]),
        (35, 5, 3, [(0, 15), (15, 25), (25, 35)]),
    ],
)
def test_parts(n, size, n_parts, expected):
    assert parts(n, size, n_parts) == expected


def test_one_network_is_kept_for_equal_keys():
    kept, built = OneNetwork(), []

    def build():
        built.append(1)
        return object()

    with kept.use("a", build) as first:
        pass
    with kept.use("a", build) as second:
        assert second is first
    with kept.use("b", build) as third:
        assert third is not first
    assert len(built) == 2


# Stimuli that do not fit into memory


def test_memory_mapped_stimuli_are_read_in_pieces(stimuli, tmp_path, monkeypatch):
    """Only batches are ever copied; the weights are those of the array in memory."""
    integers = np.clip(np.round(stimuli * 20), -127, 127).astype(np.int8)
    path = tmp_path / "x.npy"
    np.save(path, integers)
    mapped = np.load(path, mmap_mode="r")
    asked = []
    original = Standardisation.apply

    def apply(self, X):
        asked.append(len(X))
        return original(self, X)

    with monkeypatch.context() as patch:
        patch.setattr(Standardisation, "apply", apply)
        from_file = IPVAE(**ESTIMATOR).fit(mapped)
    assert max(asked) <= ESTIMATOR["batch_size"]
    same_weights(from_file, IPVAE(**ESTIMATOR).fit(integers))


class Stream:
    """Arrays of unequal length that can be read again and again."""

    def __init__(self, stimuli, lengths):
        self.stimuli, self.lengths = stimuli, lengths

    def __iter__(self):
        begin = 0
        for length in self.lengths:
            yield self.stimuli[begin : begin + length]
            begin += length


def test_streams_of_arrays(stimuli, tmp_path):
    options = ESTIMATOR | {"batch_size": 100, "n_epochs": 2, "annealing": 0.0}
    stream = Stream(stimuli, [250, 100, 30, 300])
    model = IPVAE(**options).fit(stream)
    assert model.n_batches_ == 2 * (3 + 1 + 1 + 3)
    assert model.score(stimuli[:200]) > 0.5
    # A generator is a stream that can be read once.
    once = IPVAE(**(options | {"n_epochs": 1})).fit(iter(stream))
    assert once.n_batches_ == 8
    # Interrupted and resumed it is the same.
    path = tmp_path / "c.npz"
    half = IPVAE(**options, checkpoint=path, checkpoint_every=1)
    original = Training._learn_from

    def learn_from(self, *arguments):
        if self.state.n_batches == 5:
            raise KeyboardInterrupt
        return original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Training, "_learn_from", learn_from)
        half.fit(stream)
    same_weights(half.fit(stream, resume=True), model)


@pytest.mark.slow
def test_bad_streams(stimuli):
    with pytest.raises(ValueError, match="n_epochs must be 1 for an iterator"):
        IPVAE(**ESTIMATOR).fit(iter([stimuli]))
    with pytest.raises(ValueError, match="without any array"):
        IPVAE(**ESTIMATOR).fit(Stream(stimuli, []))
    with pytest.raises(ValueError, match="features"):
        IPVAE(**(ESTIMATOR | {"n_epochs": 1})).fit(iter([stimuli[:50], stimuli[:50, :3]]))
    with pytest.raises(ValueError, match="NaN"):
        IPVAE(**(ESTIMATOR | {"n_epochs": 1})).fit(iter([stimuli[:50], stimuli[:50] * np.nan]))
