"""pynapple's objects: taken as they are, and made so that pynapple agrees with the recording."""

import sys
import warnings

import numpy as np
import pytest
from brian2.only import Hz, ms

from ipvae_brian import Recording, RecordingWarning

nap = pytest.importorskip("pynapple")


@pytest.fixture
def session():
    """Spikes and trials as a user of pynapple has them."""
    times, support = {3: [1.1, 2.2], 8: [3.3]}, nap.IntervalSet(0, 9)
    spikes = nap.TsGroup(
        {unit: nap.Ts(t=np.array(t), time_support=support) for unit, t in times.items()},
        time_support=support,
        metadata={"area": ["V1", "V2"], "depth": [100.0, 200.0]},
    )
    trials = nap.IntervalSet(
        start=[1.0, 2.0, 3.0], end=[1.5, 2.5, 3.5], metadata={"ori": [0.0, np.nan, 90.0]}
    )
    return spikes, trials


def test_objects_of_users_are_taken(session):
    found = Recording.from_pynapple(*session, columns={"orientation": "ori"}, before=100 * ms)
    assert list(found.units["id"]) == [3, 8] and list(found.units["area"]) == ["V1", "V2"]
    assert set(found.units) == {"id", "area", "depth"}
    np.testing.assert_array_equal(found.conditions["orientation"], [0, np.nan, 90])
    np.testing.assert_allclose(found.spike_times(1, 2), [0.3])
    assert found.counts.sum() == 3


def test_pynapple_works_out_the_same(recording):
    spikes, trials = recording.to_pynapple()
    # Rates are those while something was recorded: the support is all trials.
    rates = np.asarray(recording.firing_rates() / Hz).mean(axis=0)
    order = np.argsort(recording.units["id"])
    np.testing.assert_allclose(spikes.rates, rates[order])
    np.testing.assert_array_equal(spikes["depth"], recording.units["depth"][order])
    shown = spikes.restrict(trials)
    counts = recording.counts[:, recording.timing.windows_of_stimulus].sum(axis=(0, 1))
    assert [len(shown[i]) for i in shown.index] == list(counts[order])
    np.testing.assert_array_equal(trials["orientation"], recording.conditions["orientation"])


def test_names_as_ids_and_trials_without_a_gap(recording):
    named = Recording(
        recording.counts, recording.timing, spikes=recording.spikes, units={"id": list("edcba")}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spikes, trials = named.to_pynapple(gap=0 * ms)
    assert len(spikes.time_support) == 1 and len(trials) == 8
    found = Recording.from_pynapple(spikes, trials, before=100 * ms, after=100 * ms, window=20 * ms)
    assert list(found.units["id"]) == list("edcba")
    np.testing.assert_array_equal(found.counts, recording.counts)


def test_a_support_that_is_that_of_the_spikes_alone_says_nothing_of_what_was_observed(session):
    _, trials = session
    spikes = nap.TsGroup({3: nap.Ts(t=np.array([1.1, 2.2])), 8: nap.Ts(t=np.array([3.3, 3.4]))})
    found = Recording.from_pynapple(spikes, trials)
    assert found.counts.sum() == 4
    with pytest.warns(RecordingWarning, match="1 of 3 trials begin after the last spike of all"):
        Recording.from_pynapple(nap.TsGroup({3: nap.Ts(t=np.array([1.1, 2.2]))}), trials)


def test_what_pynapple_reads_of_our_files_is_taken(recording, tmp_path):
    pytest.importorskip("pynwb")
    recording.to_nwb(tmp_path / "a.nwb")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = nap.load_file(str(tmp_path / "a.nwb"))
        spikes, trials = file["units"], file["trials"]
    cut = {"before": 100 * ms, "after": 100 * ms, "window": 20 * ms}
    found = Recording.from_pynapple(spikes, trials, **cut)
    order = np.argsort(recording.units["id"])
    np.testing.assert_array_equal(found.counts, recording.counts[:, :, order])
    np.testing.assert_array_equal(found.conditions["image"], recording.conditions["image"])


def test_faults(session, recording, monkeypatch):
    spikes, trials = session
    with pytest.raises(TypeError, match="spikes must be a pynapple.TsGroup, got dict"):
        Recording.from_pynapple({}, trials)
    with pytest.raises(TypeError, match="trials must be a pynapple.IntervalSet, got DataFrame"):
        Recording.from_pynapple(spikes, trials.as_dataframe())
    with pytest.raises(ValueError, match=r"3 of 3 trials .* was not observed"):
        Recording.from_pynapple(
            spikes.restrict(nap.IntervalSet(1.0, 3.4)), trials, before=2000 * ms
        )
    late = nap.IntervalSet(start=[1.0, 8.8], end=[1.5, 9.3])
    with pytest.raises(ValueError, match=r"1 of 2 trials \(rows 1\): was not observed"):
        Recording.from_pynapple(spikes, late)
    with pytest.warns(RecordingWarning, match="left out these trials"):
        assert Recording.from_pynapple(spikes, late, faults="drop").n_trials == 1
    for group, name in (("conditions", "end"), ("units", "rate")):
        n = {"conditions": 8, "units": 5}[group]
        taken = Recording(
            recording.counts, recording.timing, spikes=recording.spikes, **{group: {name: range(n)}}
        )
        with pytest.raises(ValueError, match=rf"{group}\['{name}'\] cannot go into pynapple"):
            taken.to_pynapple()
    monkeypatch.setitem(sys.modules, "pynapple", None)
    with pytest.raises(ImportError, match=r"pip install ipvae_brian\[pynapple\]"):
        recording.to_pynapple()
