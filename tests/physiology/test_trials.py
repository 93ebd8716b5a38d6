import numpy as np
import pytest
from brian2 import Hz, ms

from ipvae_brian import Recording, Timing, physiology
from ipvae_brian.physiology.trials import counts_in, group_trials, windows_in


@pytest.fixture
def recording():
    timing = Timing(dt=0.001, n_steps=300, steps_per_window=100, before=0.1)
    counts = np.arange(18).reshape(6, 3, 1)
    conditions = {"angle": [0, 0, 90, 90, np.nan, np.nan], "contrast": [1, 2, 1, 2, 1, 1]}
    return Recording(counts, timing, conditions=conditions | {"repeat": range(6)})


def test_groups_have_every_combination_and_leave_repeats_out(recording):
    groups = group_trials(recording)
    assert list(groups.conditions) == ["angle", "contrast"]
    assert groups.number.tolist() == [0, 1, 2, 3, 4, 4]
    np.testing.assert_array_equal(groups.conditions["angle"], [0, 0, 90, 90, np.nan])
    np.testing.assert_array_equal(groups.conditions["contrast"], [1, 2, 1, 2, 1])
    assert groups.n_trials.tolist() == [1, 1, 1, 1, 2]


def test_groups_of_chosen_trials(recording):
    groups = group_trials(recording, "angle", {"contrast": 1})
    assert groups.number.tolist() == [0, -1, 1, -1, 2, 2]


def test_mean_variance_and_deviations_are_those_of_numpy(rng):
    timing = Timing(dt=0.001, n_steps=100, steps_per_window=100)
    group = rng.integers(0, 3, 40)
    values = rng.normal(size=(40, 2, 3))
    recording = Recording(np.zeros((40, 1, 1), int), timing, conditions={"group": group})
    groups = group_trials(recording)
    for g in range(3):
        own = values[group == g]
        np.testing.assert_allclose(groups.mean(values)[g], own.mean(axis=0))
        np.testing.assert_allclose(groups.variance(values)[g], own.var(axis=0, ddof=1))
        np.testing.assert_allclose(groups.deviations(values)[group == g], own - own.mean(axis=0))


def test_without_conditions_stimuli_are_the_groups():
    timing = Timing(dt=0.001, n_steps=100, steps_per_window=100)
    counts, frames = np.zeros((3, 1, 1), int), np.zeros((2, 1, 4))
    recording = Recording(counts, timing, frames=frames, stimulus_numbers=[1, 0, 1])
    assert group_trials(recording).number.tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="neither conditions nor stimulus_numbers"):
        group_trials(Recording(counts, timing))


def test_windows_and_their_length(recording):
    assert windows_in(recording, None) == slice(1, 3)
    counts, duration = counts_in(recording, (-100 * ms, 100 * ms))
    assert counts[0, 0] == 0 + 1 and duration == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("by", "where", "error", "message"),
    [
        ("colour", None, ValueError, "by: 'colour' is no condition.*angle, contrast"),
        ((), None, ValueError, "by must name at least one"),
        (None, {"colour": 1}, ValueError, "colour is no condition"),
        (None, {"contrast": 7}, ValueError, "no trial has"),
    ],
)
def test_wrong_groups(recording, by, where, error, message):
    with pytest.raises(error, match=message):
        group_trials(recording, by, where)


def test_a_recording_is_needed():
    with pytest.raises(TypeError, match="recording must be a Recording, got int"):
        group_trials(3)


@pytest.mark.parametrize("window", [(0, 1), 5 * ms, (1 * Hz, 2 * Hz), (0 * ms,)])
def test_wrong_windows(recording, window):
    with pytest.raises(TypeError, match="window must be two times"):
        windows_in(recording, window)


def test_no_window_in_between(recording):
    with pytest.raises(ValueError, match="no whole window"):
        windows_in(recording, (10 * ms, 50 * ms))


def test_too_few_repeats(recording):
    message = "at least 2 trials, got 1 of angle 0.0, contrast 1 \\(4 of 5 conditions"
    with pytest.raises(ValueError, match=message):
        group_trials(recording).require_repeats(2)


def test_conditions_that_are_the_same_throughout_are_not_named(make_recording):
    same = {"block": [2, 2, 2], "mask": [np.nan] * 3, "phase": ["[1, 2]"] * 3}
    recording = make_recording(np.ones((3, 2), int), angle=[0, 90, 90], **same)
    with pytest.raises(ValueError, match=r"got 1 of angle 0 \(1 of 2 conditions"):
        group_trials(recording).require_repeats(2)
    alike = make_recording(np.ones((1, 2), int), block=[2])
    with pytest.raises(ValueError, match=r"got 1 of block 2 \(1 of 1 conditions"):
        group_trials(alike).require_repeats(2)


@pytest.mark.parametrize(
    "analyse",
    [
        lambda one: physiology.tuning_curve(one, "orientation"),
        lambda one: physiology.f1_f0(one, 2 * Hz),
        lambda one: physiology.psth(one),
        lambda one: physiology.count_statistics(one),
        lambda one: physiology.spike_triggered_average(one),
    ],
)
def test_analyses_take_recordings_only(analyse):
    with pytest.raises(TypeError, match="recording must be a Recording, got ndarray"):
        analyse(np.zeros((3, 2)))
