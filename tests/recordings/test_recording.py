"""A recording against brute force over its spikes; what does not agree is refused."""

import copy
import pickle

import numpy as np
import pytest
from brian2.only import Hz, have_same_dimensions, ms, mV

from ipvae_brian import Recording, Spikes, Timing

N_TRIALS, N_NEURONS, N_STIMULI = 5, 3, 2
TIMING = Timing(dt=0.001, n_steps=70, steps_per_window=20, before=0.02)
CONDITIONS = {"orientation": [0, 90, 0, 45, 90], "name": list("abcab")}


def spike_times(seed=0):
    """For every trial and neuron, times from onset that are on no grid."""
    rng = np.random.default_rng(seed)
    return [
        [np.sort(rng.uniform(-0.02, 0.05, rng.integers(0, 9))) for _ in range(N_NEURONS)]
        for _ in range(N_TRIALS)
    ]


def parts():
    rng = np.random.default_rng(1)
    return {
        "conditions": CONDITIONS,
        "units": {"depth": [100.0, 200.0, 300.0], "group": ["good", "mua", "good"]},
        "frames": rng.normal(size=(N_STIMULI, 1, 4)),
        "stimulus_numbers": [0, 1, 1, 0, 1],
    }


@pytest.fixture
def recording():
    return Recording.from_spike_times(spike_times(), TIMING, **parts())


def test_spike_times_are_those_given_and_counts_their_numbers(recording):
    times = spike_times()
    assert (recording.n_trials, recording.n_neurons, recording.n_stimuli) == (5, 3, 2)
    assert len(recording) == 5
    for i in range(N_TRIALS):
        for j in range(N_NEURONS):
            np.testing.assert_array_equal(recording.spike_times(j, i), times[i][j])
            edges = [-0.02, 0, 0.02, 0.04]
            counts = np.histogram(times[i][j], edges)[0]
            np.testing.assert_array_equal(recording.counts[i, :, j], counts)
    np.testing.assert_array_equal(recording.spikes_per_window(), recording.counts.sum(axis=2))


@pytest.mark.parametrize("width", [1, 3, 7, 10, 20, 40, 70])
def test_counts_in_windows_of_any_width(recording, width):
    counts = recording.counts_in_windows(width * ms)
    n_windows = 3 // (width // 20) if width % 20 == 0 else 70 // width
    assert counts.shape == (N_TRIALS, n_windows, N_NEURONS)
    edges = -0.02 + np.arange(n_windows + 1) * width * 1e-3
    for i, trial in enumerate(spike_times()):
        for j, times in enumerate(trial):
            np.testing.assert_array_equal(counts[i, :, j], np.histogram(times, edges)[0])


def test_firing_rates_are_in_hertz(recording):
    rates = recording.firing_rates()
    assert have_same_dimensions(rates, Hz)
    np.testing.assert_allclose(np.asarray(rates / Hz), recording.counts.sum(axis=1) / 0.06)


def test_recording_without_times_has_counts_only():
    counts = np.arange(2 * 3 * 2).reshape(2, 3, 2)
    recording = Recording(counts, TIMING)
    np.testing.assert_array_equal(recording.counts_in_windows(20 * ms), counts)
    for call in (lambda: recording.spike_times(0), lambda: recording.counts_in_windows(10 * ms)):
        with pytest.raises(ValueError, match="^spike times were not recorded$"):
            call()
    for name in ("stimuli", "n_pixels"):
        with pytest.raises(ValueError, match="stimuli of this recording are not known"):
            getattr(recording, name)
    assert recording.n_stimuli == 0 and recording.stimulus_numbers is None


@pytest.mark.parametrize("trials", [[3, 1], slice(1, 4), [True, False, True, False, True], [2, 2]])
def test_selected_trials_keep_all_that_is_theirs(recording, trials):
    selected = recording.select(trials)
    places = np.arange(N_TRIALS)[trials]
    assert selected.n_trials == len(places)
    for i, place in enumerate(places):
        np.testing.assert_array_equal(selected.counts[i], recording.counts[place])
        np.testing.assert_array_equal(selected.stimuli[i], recording.stimuli[place])
        for name, column in recording.conditions.items():
            assert selected.conditions[name][i] == column[place]
        for j in range(N_NEURONS):
            np.testing.assert_array_equal(
                selected.spike_times(j, i), recording.spike_times(j, place)
            )
    assert selected.n_stimuli <= recording.n_stimuli


def test_selected_neurons_keep_all_that_is_theirs(recording):
    selected = recording.select([4, 0], [2, 0])
    np.testing.assert_array_equal(selected.counts, recording.counts[[4, 0]][:, :, [2, 0]])
    np.testing.assert_array_equal(selected.spike_times(0, 1), recording.spike_times(2, 0))
    np.testing.assert_array_equal(selected.spike_times(1, 0), recording.spike_times(0, 4))
    np.testing.assert_array_equal(selected.units["depth"], [300, 100])
    assert selected.spikes.count.sum() == selected.counts.sum() + sum(
        (selected.spike_times(j, i) >= 0.04).sum() for j in range(2) for i in range(2)
    )
    with pytest.raises(ValueError, match="neurons must not name a neuron twice"):
        recording.select(neurons=[1, 1])


def test_trials_by_condition(recording):
    np.testing.assert_array_equal(recording.trials_where(orientation=0), [0, 2])
    np.testing.assert_array_equal(recording.trials_where(orientation=90, name="b"), [1, 4])
    with pytest.raises(ValueError, match="colour is no condition .* are: orientation, name"):
        recording.trials_where(colour=1)
    with pytest.raises(ValueError, match="no trial has {'orientation': 1}"):
        recording.trials_where(orientation=1)


def test_stimuli_are_by_trial_and_zero_outside_the_frames():
    frames = np.random.default_rng(0).normal(size=(2, 2, 4))
    timing = Timing(0.001, 80, 20, before=0.02, frame_steps=(10, 30))
    counts = np.zeros((3, 4, 1), int)
    recording = Recording(counts, timing, frames=frames, stimulus_numbers=[1, 0, 1])
    first, second = frames[[1, 0, 1]].transpose(1, 0, 2)
    expected = np.stack([0 * first, (first + second) / 2, second, 0 * first], axis=1)
    np.testing.assert_allclose(recording.stimuli, expected)
    np.testing.assert_allclose(recording.stimulus_in(1), expected[:, 1])


@pytest.mark.parametrize("value", [-1, 3, 99])
def test_neuron_that_is_not_there(recording, value):
    with pytest.raises(ValueError, match=rf"^neuron must be within the 3 neurons .*, got {value}$"):
        recording.spike_times(value)


@pytest.mark.parametrize("value", [-1, 5, 7])
def test_trial_that_is_not_there(recording, value):
    with pytest.raises(ValueError, match=rf"^trial must be within the 5 trials .*, got {value}$"):
        recording.spike_times(0, value)
    with pytest.raises(ValueError, match="^trials must be within the 5 trials"):
        recording.select([value])


@pytest.mark.parametrize("value", ["2", 1.0, None, True, [1]])
def test_indices_are_whole_numbers(recording, value):
    with pytest.raises(TypeError, match="^neuron must be a whole number, got"):
        recording.spike_times(value)
    with pytest.raises(TypeError, match="^trial must be a whole number, got"):
        recording.spike_times(0, value)


@pytest.mark.parametrize(
    ("trials", "error", "words"),
    [
        ([], ValueError, "trials is empty"),
        ([0.5], TypeError, "trials must be a slice or a list of whole numbers"),
        (2, TypeError, "trials must be a slice or a list"),
        ([True, False], ValueError, "trials must be a mask of the 5 trials, got 2"),
        (slice(9, 12), ValueError, "trials is empty"),
        ([False] * 5, ValueError, "trials is empty: none of the 5 trials is chosen"),
    ],
)
def test_wrong_selections_are_named(recording, trials, error, words):
    with pytest.raises(error, match=f"^{words}"):
        recording.select(trials)


def spikes_with(**changes):
    values = {"trial": [0, 1], "neuron": [2, 0], "time": [0.01, 0.02], "count": [1, 1]} | changes
    return Spikes(*(np.array(v) for v in values.values()))


COUNTS = np.zeros((N_TRIALS, 3, N_NEURONS), int)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"counts": COUNTS + 0.5}, TypeError, "counts must be whole numbers, got type float64"),
        ({"counts": COUNTS - 1}, ValueError, "counts must not be negative, got -1"),
        ({"counts": COUNTS[:, :2]}, ValueError, r"counts must have shape \(n_trials, 3, n_neu"),
        ({"counts": COUNTS[0]}, ValueError, "counts must have shape"),
        ({"counts": COUNTS[:0]}, ValueError, "counts must have shape"),
        ({"timing": 0.001}, TypeError, "timing must be a Timing, got float"),
        ({"spikes": 3}, TypeError, "spikes must be Spikes, got int"),
        ({"spikes": spikes_with(trial=[0, 5])}, ValueError, "spikes.trial must be from 0 to 4"),
        ({"spikes": spikes_with(neuron=[-1, 0])}, ValueError, "spikes.neuron must be from 0 to 2"),
        ({"spikes": spikes_with(neuron=[0.0, 1])}, ValueError, "spikes.neuron must be a list of"),
        ({"spikes": spikes_with(time=[0.01, 0.05])}, ValueError, "spike times must be within"),
        ({"spikes": spikes_with(time=[-0.03, 0])}, ValueError, "spike times must be within"),
        ({"spikes": spikes_with(time=[0, np.nan])}, ValueError, "spike times must be within"),
        ({"spikes": spikes_with(count=[0, 1])}, ValueError, "spikes.count must be at least 1"),
        ({"spikes": spikes_with(count=[1])}, ValueError, "spikes must have as many of each"),
        ({"spikes": spikes_with()}, ValueError, "counts must be those of spikes in the windows"),
        ({"conditions": [1]}, TypeError, "conditions must be a dict of arrays, got list"),
        ({"conditions": {"a": [1]}}, ValueError, r"conditions\['a'\] must have an entry for each"),
        ({"conditions": {"a": [{}] * 5}}, TypeError, r"conditions\['a'\] must be numbers or text"),
        ({"units": {"depth": [1, 2]}}, ValueError, r"units\['depth'\] .* the 3 neurons"),
        ({"frames": np.ones((5, 4))}, ValueError, "frames must have 3 dimension"),
        ({"frames": np.ones((5, 2, 4))}, ValueError, r"frames must have the 1 frame\(s\)"),
        ({"frames": np.ones((2, 1, 4))}, ValueError, "frames must be of the 5 trials, got 2"),
        ({"stimulus_numbers": [0] * 5}, ValueError, "stimulus_numbers needs frames"),
        (
            {"frames": np.ones((2, 1, 4)), "stimulus_numbers": [0, 1, 2, 0, 0]},
            ValueError,
            "stimulus_numbers must be from 0 to 1",
        ),
        (
            {"frames": np.ones((2, 1, 4)), "stimulus_numbers": [0, 1]},
            ValueError,
            "stimulus_numbers must be 5 whole numbers",
        ),
    ],
)
def test_what_does_not_agree_is_refused(changes, error, words):
    with pytest.raises(error, match=f"^{words}"):
        Recording(**({"counts": COUNTS, "timing": TIMING} | changes))


def test_spike_times_that_are_not_by_trial_and_neuron():
    with pytest.raises(ValueError, match=r"same neurons in every trial, got \[1, 2\] of them"):
        Recording.from_spike_times([[[], []], [[]]], TIMING)
    with pytest.raises(ValueError, match="spike times must be within the trial, from -0.02 to"):
        Recording.from_spike_times([[[0.06]]], TIMING)


def arrays_of(recording):
    columns = [*recording.conditions.values(), *recording.units.values()]
    return [recording.counts, *recording.spikes, recording.frames, recording.stimulus_numbers] + (
        columns
    )


@pytest.mark.parametrize("copied", [lambda r: r, copy.copy, copy.deepcopy, "pickle", "select"])
def test_nothing_can_be_changed_in_place_in_no_copy(recording, copied):
    if copied == "pickle":
        other = pickle.loads(pickle.dumps(recording))
    elif copied == "select":
        other = recording.select([1, 3])
    else:
        other = copied(recording)
    for array in arrays_of(other):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = array
    with pytest.raises(TypeError, match="read-only"):
        other.conditions["new"] = 1
    if copied != "select":
        for one, two in zip(arrays_of(other), arrays_of(recording), strict=True):
            np.testing.assert_array_equal(one, two)


def test_later_changes_of_the_arrays_given_do_not_reach_it():
    given = parts()
    counts, spikes = COUNTS.copy(), spikes_with()
    counts[0, 1, 2] = counts[1, 2, 0] = 1
    numbers = np.array(given["stimulus_numbers"])
    given |= {"stimulus_numbers": numbers}
    recording = Recording(counts, TIMING, spikes=spikes, **given)
    for array in (counts, *spikes, given["frames"], numbers):
        array[:] = 1
    assert recording.counts.sum() == 2
    assert recording.spikes.neuron.tolist() == [2, 0]
    assert (recording.frames != 1).all()
    assert recording.stimulus_numbers.tolist() == [0, 1, 1, 0, 1]


def test_repr(recording):
    words = "<Recording 5 trials x 3 windows of 20 ms x 3 neurons"
    assert repr(recording) == words + ", with spikes>"
    assert repr(Recording(COUNTS, TIMING)) == words + ">"


def test_one_trial_and_several_by_their_place(recording):
    for i in range(N_TRIALS):
        np.testing.assert_array_equal(recording[i].counts, recording.counts[i : i + 1])
        np.testing.assert_array_equal(recording[i - N_TRIALS].counts, recording[i].counts)
    np.testing.assert_array_equal(recording[1:4].counts, recording.counts[1:4])
    np.testing.assert_array_equal(recording[::-1].counts, recording.counts[::-1])
    np.testing.assert_array_equal(recording[[2, 0]].counts, recording.counts[[2, 0]])
    assert [one.n_trials for one in recording] == [1] * N_TRIALS
    for i in (N_TRIALS, -N_TRIALS - 1):
        with pytest.raises(IndexError, match="^trial must be within the 5 trials"):
            recording[i]
    for wrong in ("1", 1.0, True):
        with pytest.raises(TypeError, match="^trials must be a slice or a list"):
            recording[wrong]


def test_notebook_shows_sizes_and_rates(recording):
    content = recording._repr_html_()
    total = recording.counts.sum()
    rate = recording.counts.sum() / 15 / 0.06
    for text in ("5, from -20 to 50 ms", "3 of 20 ms", f"{total}; mean rate {rate:.2f} Hz"):
        assert text in content
    assert "orientation, name" in content and "data:image/png" in content
    assert "<b>Recording</b>" in Recording(COUNTS, TIMING)._repr_html_()


def test_stimuli_end_with_their_frame():
    timing = Timing(dt=0.001, n_steps=60, steps_per_window=20, frame_steps=(30,))
    recording = Recording(np.zeros((1, 3, 1), int), timing, frames=np.full((1, 1, 2), 4.0))
    np.testing.assert_array_equal(recording.stimuli[0, :, 0], [4, 2, 0])


@pytest.mark.parametrize("width", [199, 198])
def test_counts_in_wide_windows_are_those_of_few_bytes_too(width):
    timing = Timing(dt=0.001, n_steps=200, steps_per_window=2)
    time = np.sort(np.random.default_rng(0).uniform(0, 0.2, 400))
    same = np.zeros(400, int)
    spikes = Spikes(same, same, time, np.ones(400, int))
    counts = np.histogram(time, timing.window * np.arange(101))[0].astype(np.uint8)
    recording = Recording(counts[None, :, None], timing, spikes=spikes)
    (found,) = recording.counts_in_windows(width * ms).ravel()
    assert found == (time < width / 1e3).sum() > 255


def test_spike_times_may_have_units_of_time_and_no_others():
    timing = Timing(dt=0.001, n_steps=200, steps_per_window=100)
    found = Recording.from_spike_times([[[13, 150] * ms]], timing)
    np.testing.assert_allclose(found.spike_times(0), [0.013, 0.15])
    masked = np.ma.array([0.01, 0.02], mask=[False, True])
    for times, text in (
        ([13, 150] * mV, "times must hold numbers without units, got"),
        (masked, "times has 1 masked value"),
    ):
        with pytest.raises(TypeError, match=text):
            Recording.from_spike_times([[times]], timing)


def test_a_condition_is_looked_up_by_one_value():
    counts, timing = np.zeros((2, 3, 1), int), Timing(0.001, 60, 20)
    columns = {"orientation": [0, 90], "place": [[1, 2], [3, 4]], "size": np.float32([1, np.nan])}
    recording = Recording(counts, timing, conditions=columns)
    assert recording.trials_where(size=np.float32("nan")).tolist() == [1]
    with pytest.raises(TypeError, match=r"orientation must be one value .*, got \[0, 90\]"):
        recording.trials_where(orientation=[0, 90])
    with pytest.raises(TypeError, match=r"place must be one value .* column of shape \(2, 2\)"):
        recording.trials_where(place=1)


def test_a_width_below_any_time_step_is_refused(recording):
    with pytest.raises(ValueError, match="width must be a whole number of time steps"):
        recording.counts_in_windows(1e-9 * ms)
