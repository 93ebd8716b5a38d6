"""Results that are kept: computed once, anew for other settings, never half written."""

import json
from functools import partial

import numpy as np
import pytest

from benchmarks.baselines import rival
from benchmarks.claims.cells import About, Cell, Cells, finish


class Work:
    """Counts how often it is asked for."""

    def __init__(self, result=None, error=None):
        self.result, self.error, self.n = result, error, 0

    def __call__(self):
        self.n += 1
        if self.error is not None:
            raise self.error
        return self.result


def test_a_cell_is_computed_once(tmp_path):
    work = Work({"r2": 0.5})
    for _ in range(2):
        assert Cells(tmp_path).result(Cell("a/b", {"n": 1}, work))["r2"] == 0.5
    assert work.n == 1


def test_what_a_cell_is_about_is_in_its_result_and_not_in_its_file(tmp_path):
    cells, work, plain = Cells(tmp_path), Work({"r2": 0.5}), Cell("a/b", {"n": 1}, None)
    told = [cells.result(Cell("a/b", {"n": 1}, work, About("lca", n))) for n in (512, 64)]
    assert [one["about"]["n_latents"] for one in told] == [512, 64]
    assert told[0]["about"] == {"contestant": "lca", "n_latents": 512, "seed": None, "label": ""}
    assert work.n == 1 and "about" not in cells.known(plain)
    assert "about" not in json.loads(cells.path(plain).read_text())


def test_other_settings_are_another_cell(tmp_path):
    cells, work = Cells(tmp_path), Work({"r2": 0.5})
    for n in (1, 2):
        cells.result(Cell("a/b", {"n": n}, work))
    cells.result(Cell("a/c", {"n": 1}, work))
    assert work.n == 3 and len(list(tmp_path.iterdir())) == 3


def test_a_run_that_stops_goes_on_where_it_was(tmp_path):
    done, stopped, never = Work({"x": 1}), Work(error=KeyboardInterrupt()), Work({"x": 3})
    cells = [Cell("one", {}, done), Cell("two", {}, stopped), Cell("three", {}, never)]
    with pytest.raises(KeyboardInterrupt):
        for cell in cells:
            Cells(tmp_path).result(cell)
    stopped.error, stopped.result = None, {"x": 2}
    assert [Cells(tmp_path).result(cell)["x"] for cell in cells] == [1, 2, 3]
    assert (done.n, stopped.n, never.n) == (1, 2, 1)


def test_names_are_readable_and_files_json(tmp_path):
    cells = Cells(tmp_path / "new" / "folder")
    cells.result(Cell("digits/ours/512", {}, lambda: {"d": float("nan")}))
    (file,) = cells.folder.iterdir()
    assert file.name.startswith("digits_ours_512.")
    assert json.loads(file.read_text())["d"] is None


def test_a_model_is_fitted_once_and_read_afterwards(tmp_path):
    kind, stimuli = rival("pca"), np.random.default_rng(0).normal(size=(50, 6))
    fits = []

    def fit():
        fits.append(1)
        return kind(6, 3, seed=0).fit(stimuli)

    cell, cells = Cell("pca", {}, fit), Cells(tmp_path)
    models = [cells.model(cell, kind) for _ in range(2)]
    np.testing.assert_array_equal(*(model.infer(stimuli) for model in models))
    assert len(fits) == 1


def share(values):
    if values[0] < 0:
        raise FloatingPointError("the loss is not finite")
    values[0] *= 2  # of the process, or of the array that all see with one job
    return {"sum": float(values.sum())}


@pytest.mark.parametrize("jobs", [1, 2])
def test_several_cells_at_a_time_give_the_same_and_one_that_fails_stops_no_other(tmp_path, jobs):
    kept = Cells(tmp_path)
    arrays = [np.full(200_000, value) for value in (1.0, -1.0, 2.0)]
    cells = [Cell(f"cell {i}", {}, partial(share, array)) for i, array in enumerate(arrays)]
    outcomes = dict(finish(cells, kept, jobs))
    assert outcomes == {0: None, 1: "FloatingPointError: the loss is not finite", 2: None}
    assert [kept.known(cell) and kept.known(cell)["sum"] for cell in cells] == [
        200_001.0,
        None,
        400_002.0,
    ]


def test_a_model_that_two_processes_want_is_fitted_once(tmp_path):
    stimuli = np.random.default_rng(0).normal(size=(50, 6))
    cells = [Cell(str(i), {}, partial(wants, tmp_path, stimuli)) for i in range(4)]
    assert set(dict(finish(cells, Cells(tmp_path), 2)).values()) == {None}
    assert len((tmp_path / "fits").read_text()) == 1


def wants(folder, stimuli):
    kind = rival("pca")

    def fit():
        with (folder / "fits").open("a") as file:
            file.write("x")
        return kind(6, 3, seed=0).fit(stimuli)

    model = Cells(folder).model(Cell("model", {}, fit), kind)
    return {"sum": float(np.abs(model.infer(stimuli)).sum())}
