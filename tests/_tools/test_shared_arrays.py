"""Arrays that processes fill in together, and what happens where they cannot."""

import os
import pickle

import joblib
import numpy as np
import pytest

from ipvae_brian._tools.parallel import run_tasks
from ipvae_brian._tools.shared_arrays import SharedArrays

LAYOUT = [((3, 5), np.int32), ((2, 0), np.float32), ((4,), np.float64)]
needs_memory = pytest.mark.skipif(
    not hasattr(os, "memfd_create"), reason="no memory without files on this system"
)


def _fill(shared, row):
    arrays = shared.arrays()
    if arrays is None:
        return False
    arrays[0][row] = row + 1
    arrays[2][row] = os.getpid()
    return True


@needs_memory
def test_processes_fill_in_what_the_owner_sees():
    with SharedArrays(LAYOUT) as shared:
        assert all(run_tasks(_fill, [(shared, row) for row in range(3)], 2))
        numbers, nothing, processes = shared.arrays()
    np.testing.assert_array_equal(numbers, np.outer([1, 2, 3], np.ones(5)))
    assert [array.dtype for array in (numbers, nothing, processes)] == [t for _, t in LAYOUT]
    assert nothing.shape == (2, 0)
    assert os.getpid() not in processes[:3] and processes[3] == 0


@needs_memory
def test_arrays_stay_when_sharing_has_ended():
    with SharedArrays(LAYOUT) as shared:
        late = pickle.loads(pickle.dumps(shared))
        early = pickle.loads(pickle.dumps(shared)).arrays()
        first, *_ = shared.arrays()
    assert late.arrays() is None
    early[0][1, 2] = 7
    del shared
    assert first[1, 2] == 7 and first.sum() == 7
    # To joblib they are arrays like others, not files that it could open again.
    (total,) = joblib.Parallel(2, max_nbytes=1)(joblib.delayed(np.sum)(a) for a in [first])
    assert total == 7


@needs_memory
def test_the_file_of_another_is_not_taken(tmp_path):
    with SharedArrays(LAYOUT) as shared, SharedArrays(LAYOUT) as other:
        copy = pickle.loads(pickle.dumps(shared))
        copy._file = other._file
        assert copy.arrays() is None


def test_where_there_is_no_such_memory(monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with SharedArrays(LAYOUT) as shared:
        assert not any(run_tasks(_fill, [(shared, row) for row in range(3)], 2))
        assert _fill(shared, 2)
        assert shared.arrays()[0][2, 0] == 3
