"""Parts of a recording: what is kept, and what is refused because it does not agree."""

import numpy as np
import pytest

from ipvae_brian import Timing
from ipvae_brian.recordings.parts import (
    checked_columns,
    checked_counts,
    checked_frames,
    checked_stimulus_numbers,
)

TIMING = Timing(dt=0.001, n_steps=60, steps_per_window=20)
COUNTS = np.arange(5 * 3 * 2).reshape(5, 3, 2)


@pytest.mark.parametrize("copy", [True, False])
def test_arrays_are_read_only_and_copied_unless_given_up(copy):
    counts, frames = COUNTS.copy(), np.ones((5, 1, 4))
    for given, kept in (
        (counts, checked_counts(counts, TIMING, copy)),
        (frames, checked_frames(frames, TIMING, copy)),
    ):
        np.testing.assert_array_equal(kept, given)
        assert not kept.flags.writeable
        assert np.shares_memory(kept, given) is not copy


@pytest.mark.parametrize("dtype", [np.float32, np.float64, int])
def test_frames_keep_their_precision(dtype):
    frames = checked_frames(np.ones((2, 1, 4), dtype), TIMING, True)
    assert frames.dtype == (np.float32 if dtype == np.float32 else np.float64)


def test_columns_are_numbers_or_text_by_name():
    columns = checked_columns({"a": [1.5, 2], "b": np.array(["x", "yz"], object)}, "c", 2, "trials")
    assert columns["a"].tolist() == [1.5, 2] and columns["b"].tolist() == ["x", "yz"]
    assert columns["b"].dtype.kind == "U"
    assert not any(array.flags.writeable for array in columns.values())
    assert checked_columns(None, "c", 2, "trials") == {}


def test_stimulus_numbers():
    frames = np.ones((3, 1, 4))
    assert checked_stimulus_numbers(None, None, 5) is None
    assert checked_stimulus_numbers(None, frames, 3).tolist() == [0, 1, 2]
    assert checked_stimulus_numbers([2, 2, 0, 1], frames, 4).tolist() == [2, 2, 0, 1]


@pytest.mark.parametrize(
    ("check", "error", "words"),
    [
        (lambda: checked_counts(COUNTS + 0.5, TIMING, True), TypeError, "counts must be whole"),
        (lambda: checked_counts(-COUNTS, TIMING, True), ValueError, "counts must not be negative"),
        (lambda: checked_counts(COUNTS[0], TIMING, True), ValueError, "counts must have shape"),
        (lambda: checked_counts(COUNTS[:0], TIMING, True), ValueError, "counts must have shape"),
        (lambda: checked_columns([1], "c", 1, "trials"), TypeError, "c must be a dict of arrays"),
        (lambda: checked_columns({1: [1]}, "c", 1, "trials"), TypeError, r"c\[1\] must be numbers"),
        (
            lambda: checked_columns({"a": [1]}, "units", 3, "neurons"),
            ValueError,
            r"units\['a'\] must have an entry for each of the 3 neurons",
        ),
        (lambda: checked_frames(np.ones((5, 4)), TIMING, True), ValueError, "frames must have 3"),
        (
            lambda: checked_frames(np.ones((5, 2, 4)), TIMING, True),
            ValueError,
            r"frames must have the 1 frame\(s\)",
        ),
        (lambda: checked_stimulus_numbers([0], None, 1), ValueError, "stimulus_numbers needs"),
        (
            lambda: checked_stimulus_numbers(None, np.ones((2, 1, 4)), 5),
            ValueError,
            "frames must be of the 5 trials, got 2",
        ),
        (
            lambda: checked_stimulus_numbers([0, 2], np.ones((2, 1, 4)), 2),
            ValueError,
            "stimulus_numbers must be from 0 to 1, got 0 to 2",
        ),
        (
            lambda: checked_stimulus_numbers([0.0, 1.0], np.ones((2, 1, 4)), 2),
            ValueError,
            "stimulus_numbers must be 2 whole numbers",
        ),
    ],
)
def test_what_does_not_agree_is_refused(check, error, words):
    with pytest.raises(error, match=f"^{words}"):
        check()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.uint64])
def test_differences_of_counts_can_be_negative(dtype):
    counts = checked_counts(COUNTS.astype(dtype), TIMING, False)
    np.testing.assert_array_equal(counts - counts.max(), COUNTS - COUNTS.max())


def test_masked_values_are_no_numbers():
    mask = COUNTS == 3
    with pytest.raises(TypeError, match="counts has 1 masked value"):
        checked_counts(np.ma.array(COUNTS, mask=mask), TIMING, True)
    column = np.ma.array([1, 2], mask=[False, True])
    with pytest.raises(TypeError, match=r"conditions\['a'\] has 1 masked value"):
        checked_columns({"a": column}, "conditions", 2, "trials")
