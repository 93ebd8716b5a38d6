"""What tests and the examples in docstrings share: Brian2 and Matplotlib are left as they were."""

import signal

import brian2
import hypothesis
import matplotlib
import pytest
from helpers import brian2_globals, changed_globals

matplotlib.use("Agg")
# Deadlines and "too slow" depend on what else the machine does; the examples do not.
hypothesis.settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True)
def leaves_brian2_alone():
    before = brian2_globals()
    yield
    changed = changed_globals(before, brian2_globals())
    assert not changed, f"the test changed Brian2's global state: {changed}"


@pytest.fixture(autouse=True)
def ctrl_c_stays_with_brian2():
    """Put back the handler that Brian2 installs: clients of Jupyter kernels leave Python's own."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def fixed_seed():
    brian2.seed(12345)


@pytest.fixture(autouse=True)
def examples_leave_nothing_behind(request):
    """Run the examples of docstrings in a temporary folder, and close their figures."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    request.getfixturevalue("monkeypatch").chdir(request.getfixturevalue("tmp_path"))
    yield
    from matplotlib import pyplot as plt

    plt.close("all")
