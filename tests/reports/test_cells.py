import pytest
from comparisons import example

from ipvae_brian.physiology import Biology, Distribution
from ipvae_brian.reports.cells import distance, middle, middle_of_model, number, verdict, window


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (float("nan"), "–"), (0.12345, "0.123"), (12345, "12,345"), (True, "True"),
     ("all", "all"), (20.0, "20"), (1.11e-16, "0"), (-0.0, "0"), (1e-5, "1e-05"),
     (10200.0, "10,200"), (1234.5, "1.23e+03")],
)  # fmt: skip
def test_numbers_as_readers_want_them(value, said):
    assert number(value) == said


def test_windows_and_distances():
    assert window(None, None) == "" and window(500.0, None) == "500 ms"
    assert window(200.0, 10.0) == "200 ms = 10 τ"
    found = example()["circular_variance"].shipped
    assert distance(found) == "0.67 [0.62\N{NO-BREAK SPACE}0.73]"
    assert distance(example()["direction_selectivity"].shipped) == ""


def test_where_values_lie():
    assert middle_of_model(Distribution.of([3.0])) == "3"
    assert middle_of_model(Distribution.of([1, 2, 3, 4, 5])) == "3 [2\N{NO-BREAK SPACE}4]"
    lab = example()["circular_variance"].biology[0]
    assert middle(lab) == "0.61 [0.34\N{NO-BREAK SPACE}0.78]"
    # A range is no middle half.
    spread = Biology("Foster 1985", "macaque", "", "J. Physiol.", "", 148, 0.8, 3.0)
    assert middle(spread) == "from 0.8 to 3"
    both = Biology("A", "", "", "", "", 1, 40.0, 50.0, values={"value": 45, "range": [40, 50]})
    assert middle(both) == "45, from 40 to 50"
    mean = Biology("A", "", "", "", "", 1, None, None, values={"mean": 1.5})
    assert middle(mean) == "1.5 (mean)"


def test_verdicts():
    whole = example()
    assert "agrees" in verdict(whole["circular_variance"].preset)
    assert "gate not passed" in verdict(whole["fano_factor"].preset)
    assert "no value to compare with" in verdict(whole["direction_selectivity"].shipped)
