import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from comparisons import example

from ipvae_brian._tools.files import json_able
from ipvae_brian.physiology import Check, Distribution, Gate

EXAMPLE = Path(__file__).with_name("example_comparison.json")


def test_the_example_is_what_is_written(tmp_path):
    example().save(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(EXAMPLE.read_text())


def test_properties_have_the_fields_that_are_promised():
    for one in json_able(example().to_json())["properties"]:
        wanted = {
            "name",
            "model",
            "biology",
            "distance",
            "distance_ci",
            "agrees",
            "gate",
            "sentence",
        }
        assert wanted <= set(one)
        assert isinstance(one["sentence"], str) and one["sentence"]
    assert example()["onset_quenching"].to_json()["model"] is None
    with pytest.raises(KeyError, match="no property 'other'; there are: circular_variance, fano"):
        example()["other"]


def test_the_spread_is_that_of_laboratories_without_recordings():
    one = example()["circular_variance"]
    own = one.biology[-1]
    assert own.recording and own.low < 0.34 and own.high > 0.83
    assert one.spread == (0.34, 0.83)
    assert replace(one, biology=(own,)).spread == (None, None)
    assert one.to_json()["biology"][-1]["problems"] == list(own.problems) != []


def test_a_gate_passes_if_all_its_checks_do():
    good, bad = Check("a", 3, 2, True, "3 of 2"), Check("b", 1, 2, False, "1 of 2")
    assert Gate().passed and Gate((good,)).passed and not Gate((good, bad)).passed
    assert Gate((good, bad)).failures == ("1 of 2",)


def test_distribution_leaves_out_what_is_not_defined():
    values = np.r_[np.arange(2000.0), np.nan, np.inf]
    found = Distribution.of(values, window_ms=200.0)
    assert (found.n, found.n_looked_at, found.median) == (2000, 2002, 999.5)
    told = found.to_json()
    assert told["percentiles"]["25"] == 499.75
    # For a histogram, as many quantiles as are enough.
    assert len(told["values"]) == 500
    assert abs(np.mean(told["values"]) - 999.5) < 1
    nothing = json_able(Distribution.of([np.nan]).to_json())
    assert nothing["n"] == 0 and nothing["median"] is None and nothing["percentiles"]["5"] is None
