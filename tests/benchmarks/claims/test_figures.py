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


def test_a_panel_in_which_nobody_reconstructs_anything_says_so(ran):
    from matplotlib import pyplot

    told = json.loads(json.dumps(ran[0]))
    for row in told["experiments"]["outside"]["summary"]["sets"]["natural"].values():
        row["r2"] = -3.0
    told["experiments"]["outside"]["summary"]["sets"]["natural"]["lca"]["r2"] = -1.25
    for result in told["experiments"]["outside"]["cells"].values():
        if result["about"]["label"] == "natural":
            for point in result["steps"]:
                point["r2"] = -3.0
    for function in (figures._outside, figures._outside_steps):
        figure = function(pyplot, told)
        panel = next(axes for axes in figure.axes if "in [0, 1]" in axes.get_title())
        (text,) = panel.texts
        assert "the largest is -1.25\n(LCA)" in text.get_text()
        full = next(axes for axes in figure.axes if "rotated" in axes.get_title())
        assert not full.texts
        pyplot.close(figure)


def test_widths_of_ours_have_colours_of_their_own(ran):
    told, _ = ran
    styles = [figures._style(told, key, n) for key in figures.OURS for n in (512, 1024)]
    assert len({style["color"] for style in styles}) == 4
    rivals = [figures._style(told, key)["color"] for key in told["contestants"]]
    assert len(set(rivals)) == len(rivals)
