"""Recordings for the tests of what they are written to and read from."""

import re
import warnings

import numpy as np
import pytest
from brian2.only import second
from hypothesis import strategies as st

from ipvae_brian import Recording, RecordingWarning, Timing

HOURS = 36000 * second  # where a session of ten hours ends
MICROSECOND = 1e-6
WORDS = st.text("abcxyzäß -", min_size=1).map(lambda text: f"w{text}w")
CONDITIONS = {
    "orientation": st.sampled_from([0.0, 22.5, 90.0, np.nan]),
    "image": WORDS,
    "correct": st.booleans(),
    "block": st.integers(-5, 2**40),
}
UNITS = {"depth": st.floats(-1e3, 1e3), "quality": WORDS, "channel": st.integers(0, 400)}


def options(timing):
    """How a session has to be cut to give trials of this timing."""
    shown = sum(timing.frame_steps)
    after = timing.n_steps - timing.onset_step - shown
    lengths = {"before": timing.onset_step, "after": after, "window": timing.steps_per_window}
    return {name: n * timing.dt * second for name, n in (lengths | {"dt": 1}).items()}


@st.composite
def timings(draw):
    dt = draw(st.sampled_from([0.001, 0.0005, 0.002, 1 / 30000]))
    before, shown, after = draw(st.tuples(*[st.integers(0, 40)] * 3))
    n_steps = before + shown + 1 + after
    frames = () if draw(st.booleans()) and not after else (shown + 1,)
    return Timing(
        dt, n_steps, draw(st.integers(1, n_steps)), frame_steps=frames, before=before * dt
    )


@st.composite
def made_recordings(draw):
    """A few trials of a few units, with spikes anywhere in them and columns of all kinds."""
    timing = draw(timings())
    n_trials, n_units = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    begin = -timing.before
    end = begin + timing.duration
    # Not within a nanosecond of the end, where the last step becomes the next trial.
    time = st.one_of(
        st.floats(begin, end - 2e-6 * timing.dt),
        st.integers(0, timing.n_steps - 1).map(lambda step: begin + step * timing.dt),
    )
    times = [[draw(st.lists(time, max_size=4)) for _ in range(n_units)] for _ in range(n_trials)]
    ids = draw(st.lists(st.integers(0, 500), min_size=n_units, max_size=n_units, unique=True))

    def columns(of, n):
        names = draw(st.sets(st.sampled_from(sorted(of))))
        return {name: draw(st.lists(of[name], min_size=n, max_size=n)) for name in sorted(names)}

    return Recording.from_spike_times(
        times,
        timing,
        conditions=columns(CONDITIONS, n_trials),
        units={"id": ids, **columns(UNITS, n_units)},
    )


def assert_same(found, wanted, *, same_counts=True):
    """Every spike, count, condition and unit is the same; units may be in another order."""
    order = [list(found.units["id"]).index(one) for one in wanted.units["id"]]
    found = found.select(neurons=order)
    assert found.timing.n_windows == wanted.timing.n_windows
    np.testing.assert_allclose(found.timing.window_starts, wanted.timing.window_starts, atol=1e-12)
    for trial in range(wanted.n_trials):
        for neuron in range(wanted.n_neurons):
            np.testing.assert_allclose(
                found.spike_times(neuron, trial),
                wanted.spike_times(neuron, trial),
                rtol=0,
                atol=MICROSECOND,
            )
    if same_counts:
        np.testing.assert_array_equal(found.counts, wanted.counts)
    for group in ("conditions", "units"):
        expected, columns = getattr(wanted, group), getattr(found, group)
        assert set(columns) == set(expected)
        for name, column in expected.items():
            np.testing.assert_array_equal(columns[name], column, err_msg=name)
            assert columns[name].dtype.kind == column.dtype.kind


# Faults

TRIALS = {"start_time": [1.0, 2.0, 3.0], "stop_time": [1.5, 2.5, 3.5], "orientation": [0, 90, 0]}


def from_units(spikes=None, trials=None, **options):
    """The recording of these spike times by unit."""
    spikes = {1: [1.1, 3.2], 5: [2.3, 4.0]} if spikes is None else spikes
    table = {
        "unit": np.repeat(list(spikes), [len(times) for times in spikes.values()]),
        "time": np.concatenate([np.asarray(times) for times in spikes.values()]),
    }
    return Recording.from_tables(table, trials or TRIALS, {"id": list(spikes)}, **options)


def read(spikes=None, trials=None, **options):
    """The same, without a word of warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RecordingWarning)
        return from_units(spikes, trials, **options)


def dropping(spikes=None, trials=None, **options):
    """The same without what is at fault."""
    return from_units(spikes, trials, faults="drop", **options)


def refused(text, **changes):
    """What is left of a recording with a fault: an error by default, a warning if it is dropped."""
    with pytest.raises(ValueError, match=text):
        read(**changes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = dropping(**changes)
    told = [str(one.message) for one in caught if one.category is RecordingWarning]
    assert any(re.search(text, one) and ": left out" in one for one in told)
    return found
