import re

import pytest

from ipvae_brian.physiology import Distribution, available_references, reference
from ipvae_brian.physiology.laboratories import (
    histogram_percentiles,
    laboratories,
    of_recording,
    spread,
)


def test_laboratories_say_who_found_what_in_which_window():
    first, second = laboratories("fano_factor", 50.0)
    assert (first.laboratory, second.laboratory) == ("Henaff 2021", "Ecker 2010")
    assert (first.window_ms, first.window_tau) == (200, 4)
    assert (second.window_ms, second.window_tau) == (500, 10)
    assert (first.preparation, second.preparation) == ("anaesthetised", "awake")
    assert (first.low, first.high) == (1.4534, 2.3009)
    assert dict(first.percentiles) == dict(reference("fano_factor").percentiles)
    assert not first.from_memory


def test_laboratories_have_their_year_once():
    """Whether there is a comma before it or not."""
    known = (*available_references(), "latency_shift")
    names = [one.laboratory for name in known for one in laboratories(name, 20.0)]
    assert {"Ringach 2002", "Albrecht 1995", "Ecker 2010"} <= set(names)
    assert not [name for name in names if re.search(r"\d{4} \d{4}", name)]


def test_what_is_quoted_from_memory_says_so():
    (exponent,) = laboratories("contrast_exponent", 20.0)
    assert exponent.from_memory and (exponent.low, exponent.high) == (2, 4)
    assert "from_memory" not in exponent.values
    # Of white noise, and of a steady rate.
    (cat,), (macaque,) = (laboratories(name, 20.0) for name in ("isi_cv", "steady_isi_cv"))
    assert (cat.species, cat.from_memory) == ("cat", False)
    assert (macaque.species, macaque.from_memory) == ("macaque", True)
    ratio = laboratories("orthogonal_preferred_ratio", 20.0)
    # Of one laboratory, only the median is known.
    assert [one.low is None for one in ratio] == [False, True]


def test_spreads():
    assert spread({25.0: 1.0, 75.0: 2.0}, {"range": [0, 9]}) == (1, 2)
    assert spread({}, {"range": [0, 9]}) == (0, 9)
    assert spread({}, {"mean": 3.0, "sd": 1.0}) == (2, 4)
    assert spread({}, {"value": 3.0}) == (None, None)


def test_histograms_and_recordings():
    found = histogram_percentiles([0, 1, 2], [1, 3])
    assert found[25] == pytest.approx(1) and found[50] == pytest.approx(4 / 3)
    own = of_recording("x.nwb", Distribution.of(range(101), window_ms=100.0), 50.0)
    assert own.recording and (own.low, own.high, own.n) == (25, 75, 101)
    assert (own.window_ms, own.window_tau) == (100, 2)
