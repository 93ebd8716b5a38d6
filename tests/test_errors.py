"""Errors of the package: derived from built-in ones, and one line in IPython."""

import pickle
import subprocess
import sys

import pytest

from ipvae_brian import errors

CLASSES = {
    errors.DivergenceError: RuntimeError,
    errors.FileFormatError: ValueError,
    errors.MemoryLimitError: MemoryError,
}
CELLS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell(colors="NoColor")
shell.run_cell({cell!r})
"""


def shown(cell):
    """What IPython shows for a cell."""
    words = [sys.executable, "-c", CELLS.format(cell=cell)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines() + done.stderr.strip().splitlines()


@pytest.mark.parametrize("name", [c.__name__ for c in CLASSES])
def test_one_line_in_ipython(name):
    cell = (
        f"from ipvae_brian import {name}\n"
        "try:\n    raise KeyError('a cause')\n"
        f"except KeyError as error:\n    raise {name}('lower dt to 1 ms') from error"
    )
    assert shown(cell) == [f"{name}: lower dt to 1 ms"]


def test_one_line_for_a_real_one(tmp_path):
    path = tmp_path / "m.npz"
    path.write_bytes(b"PK no model")
    (line,) = shown(f"import ipvae_brian; ipvae_brian.load_model({str(path)!r})")
    assert line.startswith("FileFormatError: ") and "m.npz" in line


def test_other_errors_keep_their_traceback():
    lines = shown("def f():\n    raise ValueError('x')\nf()")
    assert len(lines) > 3 and "ValueError: x" in lines[-1]


@pytest.mark.parametrize("kind", CLASSES)
def test_they_are_what_they_derive_from(kind):
    error = kind("lower dt")
    assert isinstance(error, CLASSES[kind])
    again = pickle.loads(pickle.dumps(error))  # from a worker
    assert type(again) is kind and str(again) == "lower dt"
