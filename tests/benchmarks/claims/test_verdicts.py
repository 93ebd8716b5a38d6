"""Who wins is told with values, rivals first."""

from benchmarks.claims.verdicts import verdicts, wins

CONTESTANTS = {
    key: {"name": key.upper(), "family": "", "reference": ""}
    for key in ("ours", "ours_adaptive", "a", "b")
}


def test_rivals_that_win_are_named_best_first():
    told = {"contestants": CONTESTANTS}
    values = {"ours": 0.5, "ours_adaptive": 0.7, "a": 0.8, "b": 0.9}
    assert wins(told, values, ("ours", "ours_adaptive")) == "B (0.9), A (0.8)"
    assert wins(told, values | {"a": None}, ("ours", "ours_adaptive")) == "B (0.9)"
    assert wins(told, values, ("ours", "ours_adaptive"), largest=False) == ""
    assert wins(told, {"a": 1.0}, ("ours",)) == ""


def test_the_oracle_is_no_rival():
    told = {"contestants": CONTESTANTS, "oracle": "b"}
    assert wins(told, {"ours": 0.5, "a": 0.4, "b": 0.9}, ("ours",)) == ""


def test_what_is_lost_comes_before_what_holds():
    told = {"contestants": CONTESTANTS}
    said = verdicts(
        told,
        [
            ("d", {"ours": 0.3, "ours_adaptive": 0.2, "a": 0.4}, False),
            ("R2", {"ours": 0.3, "ours_adaptive": None, "a": 0.4}, True),
            ("nothing of ours", {"a": 0.4}, True),
        ],
    )
    assert said == (
        "Where a rival wins:\n\n- **R2**: A (0.4); ours 0.3 (OURS).\n\n"
        "What holds, no rival being better:\n\n- **d**: ours, 0.3 (OURS) and 0.2 (OURS_ADAPTIVE)."
    )
    assert verdicts(told, []) == ""
