"""The figures are drawn from the JSON, with the published points."""

import json

import matplotlib
import numpy as np
from PIL import Image

from benchmarks.claims import figures
from benchmarks.claims.figures import published


def test_every_experiment_has_its_figures(ran):
    told, folder = ran
    files = sorted(path.name for path in (folder / "claims").glob("*.png"))
    names = ("convergence", "digits", "outside", "outside_steps", "rate_distortion")
    assert files == sorted(f"{name}.png" for name in names)
    for file in files:
        path = folder / "claims" / file
        assert path.stat().st_size < 150_000
        assert np.asarray(Image.open(path).convert("L")).std() > 5


def test_what_was_not_measured_is_not_drawn(ran, tmp_path):
    told, _ = ran
    only = {"digits": told["experiments"]["digits"]}
    backend = matplotlib.get_backend()
    assert figures.draw(told | {"experiments": only}, tmp_path) == ["digits.png"]
    assert matplotlib.get_backend() == backend


def test_published_numbers_are_those_of_the_paper():
    told = published()
    assert told["mnist"]["poisson"] == {
        "r2": 0.951,
        "squared_error": 4.3861,
        "zeros": 0.8439,
        "accuracy": 0.96458,
        "n_parameters": 403217,
    }
    smallest = {
        model: min(np.hypot(1 - zeros, 1 - r2) for zeros, r2 in points)
        for model, points in told["rate_distortion"].items()
    }
    assert abs(smallest["poisson"] - 0.2839) < 1e-3 and abs(smallest["lca"] - 0.2824) < 1e-3
    assert told["convergence"]["poisson"][-1] == [1000, 0.8299, 0.7732]


def test_published_numbers_are_those_of_the_shared_tables(shared_folder):
    tables = json.loads((shared_folder / "reference" / "paper_results.json").read_text())
    told = published()
    assert set(told["mnist"]) == set(tables["mnist_table"])
    for model, row in tables["mnist_table"].items():
        assert told["mnist"][model]["r2"] == round(row["r2"], 4)
    assert sum(map(len, told["rate_distortion"].values())) == len(tables["rate_distortion"])
    for row in tables["rate_distortion"]:
        point = [round(row["%-zeros"], 4), round(row["r2"], 4)]
        assert point in told["rate_distortion"][row["str_model"]]
