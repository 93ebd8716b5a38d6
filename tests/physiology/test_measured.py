import numpy as np

from ipvae_brian._tools.files import json_able
from ipvae_brian.physiology import Check, Distribution, Gate


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
