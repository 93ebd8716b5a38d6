"""Counts without spike times, of any order of axes; real ones, as a user would type it."""

import numpy as np
import pytest
from brian2.only import Hz, ms
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian import Recording
from ipvae_brian.physiology import tuning_curve

rng = np.random.default_rng(0)
COUNTS = rng.poisson(2, (3, 4, 6, 5))  # unit, condition, bin, repeat
DIRECTIONS = {"direction": [0, 90, 180, 270]}


def test_each_count_is_in_its_trial_window_and_neuron():
    found = Recording.from_binned(COUNTS, DIRECTIONS, 10 * ms, before=20 * ms, duration=30 * ms)
    assert found.counts.shape == (20, 6, 3)
    for unit, condition, window, repeat in np.ndindex(COUNTS.shape):
        trial = 5 * condition + repeat
        assert found.counts[trial, window, unit] == COUNTS[unit, condition, window, repeat]
        assert found.conditions["direction"][trial] == 90 * condition
        assert found.conditions["repeat"][trial] == repeat
    assert found.timing.windows_of_stimulus == slice(2, 5)
    np.testing.assert_allclose(found.timing.window_starts, [-0.02, -0.01, 0, 0.01, 0.02, 0.03])


@given(order=st.permutations(range(4)))
def test_axes_may_have_any_order(order):
    names = ("unit", "condition", "bin", "repeat")
    axes = [names[i] for i in order]
    found = Recording.from_binned(COUNTS.transpose(order), DIRECTIONS, 10 * ms, axes=axes)
    wanted = Recording.from_binned(COUNTS, DIRECTIONS, 10 * ms)
    np.testing.assert_array_equal(found.counts, wanted.counts)


def test_trials_with_conditions_of_their_own():
    counts = rng.poisson(2, (7, 3, 4))
    found = Recording.from_binned(
        counts, {"contrast": np.arange(7)}, 10 * ms, axes=("trial", "unit", "bin")
    )
    np.testing.assert_array_equal(found.counts, counts.transpose(0, 2, 1))
    assert list(found.conditions) == ["contrast"]


def test_counts_in_one_window():
    counts = COUNTS[:, :, 0]
    found = Recording.from_counts(counts, DIRECTIONS, 500 * ms, units={"depth": [1, 2, 3]})
    np.testing.assert_array_equal(found.counts[:, 0], counts.reshape(3, 20).T)
    np.testing.assert_allclose(found.firing_rates() / Hz, 2 * counts.reshape(3, 20).T)
    curve = tuning_curve(found, "direction")
    np.testing.assert_allclose(curve.rates, 2 * counts.mean(axis=2).T)
    # Bytes, as in MATLAB's files, do not overflow in sums.
    full = Recording.from_counts(np.full((1, 1, 3), 200, np.uint8), {}, 500 * ms)
    assert np.square(full.counts).max() == 40000 and (full.counts - 201).min() == -1


def test_repeats_that_were_not_run_are_nan():
    counts = COUNTS[:, :, 0].astype(float)
    counts[:, 1, 3:] = np.nan
    found = Recording.from_counts(counts, DIRECTIONS, 500 * ms)
    assert found.n_trials == 18 and len(found.trials_where(direction=90)) == 3
    assert list(found.conditions["repeat"][:9]) == [0, 1, 2, 3, 4, 0, 1, 2, 0]
    assert found.counts.dtype.kind == "i"


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"counts": COUNTS + 0.5}, ValueError, "counts must be whole numbers: give spike counts"),
        ({"counts": COUNTS + np.inf}, ValueError, "counts must be whole numbers"),
        ({"counts": COUNTS * 1e17}, ValueError, r"counts must be below 2\*\*53"),
        ({"counts": -COUNTS}, ValueError, "counts must not be negative"),
        ({"counts": COUNTS * np.nan}, ValueError, "counts are NaN in all trials"),
        ({"counts": COUNTS[0]}, ValueError, r"counts must have the 4 axes .*, got shape \(4, 6, 5"),
        ({"counts": COUNTS[:0]}, ValueError, "counts is empty"),
        ({"counts": COUNTS.astype(str)}, TypeError, "counts must be whole numbers, got type <U"),
        ({"counts": COUNTS * Hz}, TypeError, "counts must hold numbers without units"),
        ({"axes": ("unit", "bin")}, ValueError, "axes must be .*, got .'unit', 'bin'.$"),
        ({"axes": ("unit", "bin", "bin", "repeat")}, ValueError, "axes must be"),
        (
            {"conditions": {"c": [1, 2]}},
            ValueError,
            r"conditions\['c'\] must have an entry for each",
        ),
        (
            {"conditions": {"c": 1}},
            ValueError,
            r"each of the 4 conditions of counts, got shape \(\)",
        ),
        ({"units": {"depth": [1]}}, ValueError, r"units\['depth'\] must have an entry for each"),
        ({"width": 10}, TypeError, "width must be a time"),
        ({"before": 15 * ms}, ValueError, "before must be a whole number of time steps of 10 ms"),
        ({"before": 60 * ms}, ValueError, "before must be shorter than the trial"),
        ({"duration": 70 * ms}, ValueError, "frame_steps must add up to at most the 6"),
    ],
)
def test_what_is_wrong_is_refused(change, error, text):
    arguments = {"counts": COUNTS, "conditions": DIRECTIONS, "width": 10 * ms} | change
    with pytest.raises(error, match=text):
        Recording.from_binned(**arguments)


def test_half_a_missing_trial_is_refused():
    counts = COUNTS.astype(float)
    counts[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"counts of 1 trial\(s\) are NaN in some bins or units"):
        Recording.from_binned(counts, DIRECTIONS, 10 * ms)
    with pytest.raises(ValueError, match=r"axes unit, condition, repeat, got shape \(3, 4, 6, 5\)"):
        Recording.from_counts(COUNTS, DIRECTIONS, 10 * ms)


@pytest.mark.parametrize(
    ("name", "n_sessions", "n_units", "varied"),
    [
        ("moving", 27, 577, {"direction": 16}),
        ("static", 17, 307, {"orientation": 8}),
    ],
)
def test_real_counts_in_bins(shared_folder, name, n_sessions, n_units, varied):
    from scipy.io import loadmat

    path = shared_folder / "data" / "recordings" / f"data_v1_binned_{name}.mat"
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    sessions = loadmat(path, squeeze_me=True, struct_as_record=False)["data"]
    recordings = [
        Recording.from_binned(
            session.spikes,
            {key: [getattr(c, key) for c in session.conditions] for key in ("contrast", *varied)},
            10 * ms,
            before=200 * ms,
            units={"tetrode": session.tetrode, "contamination": session.contamination},
        )
        for session in sessions
    ]
    assert len(recordings) == n_sessions
    assert sum(one.n_neurons for one in recordings) == n_units
    key, n_values = next(iter(varied.items()))
    shown = np.concatenate([one.conditions[key] for one in recordings])
    # The file has whole degrees in some sessions.
    assert len(np.unique(np.round(shown / 22.5))) == n_values
    for session, one in zip(sessions, recordings, strict=True):
        spikes = np.asarray(session.spikes, int)
        assert one.n_trials == spikes.shape[1] * spikes.shape[3]
        # The file has the middle of bins in milliseconds.
        middles = 1e3 * (one.timing.window_starts + one.timing.window_ends) / 2
        np.testing.assert_allclose(middles, session.times, atol=1e-9)
        # The rate while the stimulus was shown, worked out from the file's own axes.
        curve = tuning_curve(one, key, window=(0 * ms, 500 * ms))
        shown = (session.times > 0) & (session.times < 500)
        values = np.array([getattr(c, key) for c in session.conditions])
        mean = [
            spikes[:, values == v][:, :, shown].sum(axis=2).mean(axis=(1, 2)) for v in curve.values
        ]
        np.testing.assert_allclose(curve.rates, 2 * np.array(mean))


def test_conditions_are_a_table():
    with pytest.raises(TypeError, match="conditions must be a dict of columns, got list"):
        Recording.from_counts(np.ones((2, 2, 2)), [0, 90], 100 * ms)
    masked = {"orientation": np.ma.array([0, 90], mask=[False, True])}
    with pytest.raises(TypeError, match=r"conditions\['orientation'\] has 1 masked"):
        Recording.from_counts(np.ones((2, 2, 2)), masked, 100 * ms)
