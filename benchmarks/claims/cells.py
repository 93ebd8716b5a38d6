"""Results that are kept: each cell of a table is a small file, computed once.

A run that is stopped goes on where it was, and a change of settings computes anew only the cells
that it concerns.
"""

import hashlib
import json
import re
import time
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock
from joblib import Parallel, delayed, parallel_config

from ipvae_brian._tools.files import json_able, write_json


def finish(cells, kept, jobs=1):
    """Compute cells that are not known yet, several at a time, and yield each that is over.

    Parameters
    ----------
    cells : list of Cell
    kept : Cells
        Where results go.
    jobs : int, default 1
        Processes, each with one thread; with 1, it is this one with all its threads.

    Yields
    ------
    cell : int
        Its place in the list.
    error : str or None
        What went wrong. Other cells go on.
    """
    if jobs == 1:
        yield from (_outcome(i, cell, kept) for i, cell in enumerate(cells))
        return
    with parallel_config(backend="loky", inner_max_num_threads=1):
        # Large arrays are written once and mapped by all; changes of them stay in the process.
        run = Parallel(jobs, batch_size=1, return_as="generator_unordered", mmap_mode="c")
        yield from run(delayed(_outcome)(i, cell, kept) for i, cell in enumerate(cells))


def _outcome(place, cell, kept):
    try:
        kept.result(cell)
    except Exception as error:  # a rival that diverges, or a file that is gone
        return place, f"{type(error).__name__}: {error}"
    return place, None


class About(NamedTuple):
    """What a cell is about, for the summaries and figures; no part of the name of its file."""

    contestant: str
    n_latents: int | None = None
    seed: int | None = None
    # A set of stimuli, a value of a trade-off, what is changed: by experiment.
    label: str = ""


class Cell(NamedTuple):
    """Something to compute.

    Attributes
    ----------
    name : str
        Experiment, contestant, ...: words divided by slashes.
    settings : dict
        Everything that the result depends on, JSON-able.
    work : callable
        Returns the result, a JSON-able dict.
    about : About, optional
        Is in the result beside what was computed.
    """

    name: str
    settings: dict
    work: object
    about: About | None = None


class Cells:
    """A folder of results.

    Parameters
    ----------
    folder : path-like

    Examples
    --------
    >>> import tempfile
    >>> from benchmarks.claims.cells import About, Cell, Cells
    >>> about = About("ours", seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cells = Cells(folder)
    ...     first = cells.result(Cell("ours/seed 0", {"n": 2}, lambda: {"r2": 0.5}, about))
    ...     again = cells.result(Cell("ours/seed 0", {"n": 2}, lambda: 1 / 0, about))
    >>> first["r2"], again["r2"], again["about"]["contestant"]
    (0.5, 0.5, 'ours')
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, cell, suffix=".json"):
        """Return where the result of a cell is kept; readable, and different for all settings."""
        text = json.dumps([cell.name, json_able(cell.settings)], sort_keys=True)
        readable = re.sub(r"[^\w.=-]+", "_", cell.name)
        return self.folder / f"{readable}.{hashlib.sha256(text.encode()).hexdigest()[:12]}{suffix}"

    def known(self, cell):
        """Return the result of a cell if it has been computed, otherwise None."""
        path = self.path(cell)
        return _with_about(cell, json.loads(path.read_text())) if path.is_file() else None

    def result(self, cell):
        """Return the result of a cell, computed if it is not known, with its CPU seconds."""
        known = self.known(cell)
        if known is not None:
            return known
        begin = time.process_time()
        found = json_able(cell.work())
        found["cpu_seconds"] = round(time.process_time() - begin, 1)
        write_json(self.path(cell), found)
        return _with_about(cell, found)

    def model(self, cell, kind):
        """Return the fitted model of a cell whose work fits one, from its file if it is there.

        Another process that wants the same model meanwhile waits for it.

        Parameters
        ----------
        cell : Cell
            `work` returns a fitted model.
        kind : class
            `load` of which reads what its `save` wrote.
        """
        path = self.path(cell, ".npz")
        with FileLock(f"{path}.lock"):
            if path.is_file():
                return kind.load(path)
            fitted = cell.work()
            fitted.save(path)
            return fitted


def _with_about(cell, found):
    return found if cell.about is None else found | {"about": cell.about._asdict()}
