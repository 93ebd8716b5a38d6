"""Traces of trainings, summed up over levels and seeds."""

import pytest

from benchmarks.measurements import training


def result_of(levels):
    return {"cpu_seconds_to": dict(zip(("0.32", "0.3", "0.285"), levels, strict=True))}


@pytest.mark.parametrize(
    ("baseline", "mine", "value", "basis"),
    [
        ((100, 300, None), (2, 3, 4), 100, "at d = 0.3"),
        ((None, None, None), (2, 3, 4), 900, "lower bound"),
        ((None, None, None), (None, None, None), None, "we do not"),
    ],
)
def test_ratio_of_trainings(baseline, mine, value, basis):
    found, reason = training.ratio(result_of(baseline), result_of(mine), 1800)
    assert found == value and reason.startswith(basis)


def summary(*trainings_and_distances):
    """Summary of trainings that yield (seconds, d)."""

    def contestant_of(entries):
        def contestant(train, validation, limit, seed):
            for seconds, d in entries:
                yield seconds, {"distance": d}, {"stimuli": 100}

        return contestant

    trainings, traces = [], []
    for entries, settings in trainings_and_distances:
        trainings.append(training.Training(contestant_of(entries), **settings))
        traces.append(trainings[-1].run(None, None, 60))
    return training.summary(trainings, traces)


def test_training_keeps_the_shortest_time_to_each_level():
    result = summary((((10, 0.31), (20, 0.305), (5, 0.29)), {}))
    assert result["cpu_seconds_to"] == {"0.32": 5, "0.3": 5, "0.285": None}
    assert result["best_distance"] == 0.29
    (one,) = result["trainings"]
    assert one["trace"][0] == {"cpu_seconds": 10, "distance": 0.31, "stimuli": 100}


@pytest.mark.parametrize(("until", "length"), [(0.285, 2), (0.3, 1)])
def test_training_ends_below_its_last_level(until, length):
    def contestant(train, validation, limit, seed):
        yield 1, {"distance": 0.29}, {}
        yield 2, {"distance": 0.28}, {}
        raise AssertionError("asked for more")

    assert len(training.Training(contestant, until=until).run(None, None, 60)) == length


def test_training_gets_its_seed_and_its_share_of_the_limit():
    def contestant(train, validation, limit, seed):
        yield limit, {"distance": seed}, {}

    (entry,) = training.Training(contestant, seed=3, share=0.25).run(None, None, 60)
    assert entry == {"cpu_seconds": 15, "distance": 3}


def test_trainings_of_one_seed_complete_each_other():
    result = summary((((9, 0.31),), {}), (((4, 0.31), (5, 0.29)), {"share": 0.5}))
    assert result["cpu_seconds_to"] == {"0.32": 4, "0.3": 5, "0.285": None}
    assert result["seeds"] == {"0.32": 1, "0.3": 1, "0.285": 1}


def test_seeds_repeat_each_other_where_they_try_a_level():
    result = summary(
        (((9, 0.31), (30, 0.28)), {}),
        (((4, 0.31), (5, 0.29)), {"seed": 1, "until": 0.3}),
        (((6, 0.31),), {"seed": 2, "until": 0.3}),
    )
    # Of three seeds 4, 6 and 9; 5, 30 and never; only the first goes on below the last.
    assert result["cpu_seconds_to"] == {"0.32": 6, "0.3": 30, "0.285": 30}
    assert result["seeds"] == {"0.32": 3, "0.3": 3, "0.285": 1}
    assert result["best_distance"] == 0.28


def test_level_that_half_of_the_seeds_do_not_reach():
    result = summary((((9, 0.31),), {}), (((9, 0.33),), {"seed": 1}))
    assert result["cpu_seconds_to"]["0.32"] is None


def test_all_contestants_are_repeated_five_times():
    for name, trainings in training.TRAININGS.items():
        tried = {one.seed for one in trainings if one.until <= 0.3}
        assert len(tried) == training.REPEATS >= 5, name
        assert sum(one.share for one in trainings if one.until == min(training.LEVELS)) >= 1
