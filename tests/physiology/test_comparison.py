import json
from dataclasses import replace
from pathlib import Path

import pytest
from comparisons import example

from ipvae_brian._tools.files import json_able

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
