"""Factors and their combinations, directions, frames, and the session made of them."""

import numpy as np
import pytest
from brian2.only import Hz, ms, second

from ipvae_brian.stimuli.drawings import Grey
from ipvae_brian.stimuli.protocols.building import (
    across,
    combinations,
    contrast_values,
    frames_of,
    frequencies,
    session_of,
    sizes,
    values,
)
from ipvae_brian.stimuli.protocols.space import Space


def test_one_value_or_several():
    assert values(3, "angles") == [3.0] and values([1, 2.5], "angles") == [1.0, 2.5]
    assert sizes(None, "diameters") == [np.inf] and sizes([2, 4], "diameters") == [2.0, 4.0]
    assert contrast_values([0, 1]) == [0.0, 1.0]
    assert contrast_values(-0.5, negative=True) == [-0.5]
    assert frequencies([0, 4] * Hz, 10 * ms, "temporal_frequencies") == [0.0, 4.0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: values([[1, 2]], "angles"), ValueError, "angles must have"),
        (lambda: values(np.nan, "angles"), ValueError, "angles must"),
        (lambda: sizes(0, "diameters"), ValueError, "diameters must be > 0"),
        (lambda: contrast_values(1.1), ValueError, "contrasts must be .*<= 1, got 1.1"),
        (lambda: contrast_values(-0.1), ValueError, "contrasts must be >= 0 .*, got -0.1"),
        (lambda: frequencies(4, 10 * ms, "f"), TypeError, "f must be in hertz, such as 2.Hz"),
        (lambda: frequencies(4 * ms, 10 * ms, "f"), TypeError, "f must be in hertz"),
        (lambda: frequencies(50 * Hz, 10 * ms, "f"), ValueError, "f must be below 50 Hz"),
        (lambda: frames_of(25 * ms, 10 * ms), ValueError, "whole number of frames of 10 ms"),
        (lambda: frames_of(4 * ms, 10 * ms), ValueError, "whole number of frames of 10 ms"),
    ],
)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_frames_fill_the_duration():
    frames = frames_of(0.1 * second, 12.5 * ms)
    assert len(frames) == 8
    assert sum(float(frame) for frame in frames) == pytest.approx(0.1)


def test_last_factor_changes_fastest():
    rows = combinations({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert [tuple(row.values()) for row in rows] == [(1, 3), (1, 4), (2, 3), (2, 4)]


@pytest.mark.parametrize("orientation", [0, 30, 89, 90, 91, 135, 179, 180, 270, -45])
def test_direction_across_bars_is_at_right_angles_and_to_the_right(orientation):
    direction = across(orientation)
    assert (direction - orientation) % 180 == 90
    assert -90 < direction <= 90


def test_session_with_a_blank():
    rows = [{"orientation": 0.0, "contrast": 0.5, "name": "bar"}]
    space = Space((8, 8), None)
    session = session_of("bars", [Grey()], rows, space, True, {"repeats": 2}, [20 * ms])
    assert len(session.conditions["contrast"]) == 4
    blank = np.isnan(session.conditions["orientation"])
    assert blank.sum() == 2
    assert set(session.conditions["contrast"][blank]) == {0.0}
    assert set(session.conditions["name"][blank]) == {""}
    assert session.units == {"orientation": "degree"}
