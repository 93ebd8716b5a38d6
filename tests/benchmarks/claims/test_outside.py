"""Out of distribution: equal zeros and ranks."""

import numpy as np
import pytest

from benchmarks.claims.cells import About
from benchmarks.claims.contest import LEVELS
from benchmarks.claims.outside import LEVEL, at_equal_zeros, summary


def result(points, truncated=None, used=None, accuracy=None):
    points = [{"zeros": zeros, "r2": r2} for zeros, r2 in points]
    used = used or (points[0] | {"distance": 0.5})
    cut = {f"{level:g}": truncated for level in LEVELS}
    return {"points": points, "used": used, "truncated": cut, "accuracy": accuracy}


def test_a_dense_code_is_cut_and_a_sparse_one_interpolated():
    dense, sparse = result([(0.0, 0.99)], truncated=0.4), result([(0.8, 0.9), (0.95, 0.6)])
    assert at_equal_zeros(dense) == dict.fromkeys(LEVELS, 0.4)
    found = at_equal_zeros(sparse)
    assert found[0.8] == pytest.approx(0.9) and found[0.9] == pytest.approx(0.7)


def test_ranks_are_among_the_rivals_without_the_other_of_ours_and_the_oracle():
    told = {
        ("ours", "rotated"): result([(0.7, 0.95), (0.92, 0.8)]),
        ("ours_adaptive", "rotated"): result([(0.95, 0.9)]),
        ("lca", "rotated"): result([(0.9, 0.85)]),
        ("hybrid", "rotated"): result([(0.0, 0.99)], truncated=0.3),
        ("matching_pursuit", "rotated"): result([(0.95, 0.99)]),
        ("ours", "natural"): result([(0.5, -2.0)], truncated=None),
        ("lca", "natural"): result([(0.95, -1.0)]),
    }
    results = {
        "/".join(place): one | {"about": About(place[0], 512, 0, place[1])._asdict()}
        for place, one in told.items()
    }
    found = summary(results)
    figures = found["figures"]
    assert figures["ood_rank_rotated_ours"] == 2 and figures["ood_rank_rotated_ours_adaptive"] == 1
    assert figures["ood_rank_rotated"] == 1
    # At 80% zeros: .882 for the paper's dynamics, on the line between its points.
    assert figures["ood_rank_rotated_r2_ours"] == 1
    assert "ood_rank_natural" not in figures  # ours has no code of so many zeros there
    rows = found["sets"]["rotated"]
    assert rows["hybrid"]["r2"] == 0.99
    expected = np.hypot(1 - LEVEL, 1 - 0.3)
    assert rows["hybrid"]["distance_at_equal_zeros"] == pytest.approx(expected)
    assert found["sets"]["natural"]["ours"]["distance_at_equal_zeros"] is None
