"""NWB files: valid, read with any table of trials, and every fault of a foreign one is told."""

import sys
import warnings
from datetime import UTC, datetime

import numpy as np
import pytest
from brian2.only import ms, second
from helpers import make_parameters
from made_recordings import HOURS, assert_same

from ipvae_brian import FileFormatError, Recording, RecordingWarning, SpikingNetwork, Timing
from ipvae_brian.physiology import tuning_curve

pynwb = pytest.importorskip("pynwb")
NO_CONDITIONS = Recording.from_spike_times([[[0.01]], [[0.02]]], Timing(0.001, 50, 10))


def foreign(spikes=None, *tables, **units):
    """A file as another laboratory would write it, in memory."""
    nwb = pynwb.NWBFile(
        session_description="a session",
        identifier="foreign",
        session_start_time=datetime(2020, 1, 1, tzinfo=UTC),
    )
    for name in units:
        if name not in ("obs_intervals", "id"):
            nwb.add_unit_column(name, name)
    for i, times in enumerate({3: [1.1, 2.2], 8: [3.3]}.values() if spikes is None else spikes):
        nwb.add_unit(spike_times=times, **{name: column[i] for name, column in units.items()})
    for table in tables:
        nwb.add_time_intervals(table)
    return nwb


def intervals(name="drifting_gratings_presentations", start=(1.0, 2.0, 3.0), length=0.5, **columns):
    table = pynwb.epoch.TimeIntervals(name=name, description=name)
    for key in columns:
        table.add_column(name=key, description=key)
    for i, one in enumerate(start):
        row = {key: column[i] for key, column in columns.items()}
        table.add_interval(start_time=one, stop_time=one + length, **row)
    return table


def saved(nwb, path):
    with pynwb.NWBHDF5IO(str(path), "w") as file:
        file.write(nwb)
    return path


# What we write


@pytest.fixture
def written(recording, tmp_path):
    path = tmp_path / "session.nwb"
    recording.to_nwb(path, start=HOURS)
    return path


def test_files_are_valid_without_critical_findings(written):
    nwbinspector = pytest.importorskip("nwbinspector")
    assert pynwb.validate(path=str(written)) == []
    found = list(nwbinspector.inspect_nwbfile(nwbfile_path=str(written)))
    assert found
    critical = nwbinspector.Importance.CRITICAL
    assert [one for one in found if one.importance.value >= critical.value] == []


def test_pynwb_reads_what_the_recording_has(written, recording):
    with pynwb.NWBHDF5IO(str(written), "r") as file:
        nwb = file.read()
        trials, units = nwb.trials.to_dataframe(), nwb.units.to_dataframe()
        assert nwb.subject.subject_id == "unknown"
    np.testing.assert_allclose(trials.start_time, 36000.1 + 0.6 * np.arange(8))
    np.testing.assert_allclose(trials.stop_time - trials.start_time, 0.3)
    assert list(trials.image) == list("abcdefgh") and list(units.index) == [4, 2, 9, 1, 0]
    onset = trials.start_time.iloc[3]
    own = units.spike_times[9]
    own = own[(own > onset - 0.1) & (own < onset + 0.4)] - onset
    np.testing.assert_allclose(own, recording.spike_times(2, 3), atol=1e-9)
    np.testing.assert_allclose(units.obs_intervals[4][3], [onset - 0.1, onset + 0.4])


def test_parts_of_the_timing_may_be_others(written, recording):
    found = Recording.from_nwb(written, window=50 * ms)
    np.testing.assert_array_equal(found.counts, recording.counts_in_windows(50 * ms))
    shown = Recording.from_nwb(written, before=0 * ms, after=0 * ms)
    np.testing.assert_array_equal(shown.counts, recording.counts[:, 5:20])


def test_beyond_what_was_observed_nothing_is_counted(written):
    with pytest.raises(FileFormatError, match="8 of 8 trials .* was not observed from its begin"):
        Recording.from_nwb(written, before=150 * ms)
    with pytest.raises(FileFormatError, match="no trial is left: was not observed"):
        Recording.from_nwb(written, after=150 * ms, faults="drop")


def test_responses_become_sessions(tmp_path):
    network = SpikingNetwork(
        make_parameters(), dt=1 * ms, n_copies=3, engine="numpy", record_spikes=True
    )
    response = network.present(np.random.default_rng(0).normal(size=(5, 16)), 100 * ms, seed=1)
    response.to_nwb(tmp_path / "a.nwb")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordingWarning)  # neurons without spikes
        found = type(response).from_nwb(tmp_path / "a.nwb")
    assert type(found) is Recording and found.timing == response.timing
    np.testing.assert_array_equal(found.counts, response.counts)
    np.testing.assert_array_equal(found.conditions["stimulus"], np.arange(5))
    with pynwb.NWBHDF5IO(str(tmp_path / "a.nwb"), "r") as file:
        nwb = file.read()
        assert nwb.units.resolution == 0.001 and nwb.subject.subject_id == "simulation"
        assert nwb.session_description.startswith("Simulated spikes of 12 units in 5 trials")


def test_recordings_without_conditions_and_with_names_as_ids(tmp_path):
    NO_CONDITIONS.to_nwb(tmp_path / "a.nwb", gap=0 * ms)
    assert Recording.from_nwb(tmp_path / "a.nwb").conditions == {}
    named = Recording.from_spike_times(
        [[[0.01], [0.02]]],
        NO_CONDITIONS.timing,
        conditions={"place": [[1.0, 2.0]], "label": np.array([b"a"])},
        units={"id": ["mua", "a7"]},
    )
    named.to_nwb(tmp_path / "b.nwb")
    found = Recording.from_nwb(tmp_path / "b.nwb")
    assert list(found.units["id"]) == ["mua", "a7"] and list(found.units) == ["id"]
    np.testing.assert_array_equal(found.conditions["place"], [[1.0, 2.0]])
    assert list(found.conditions["label"]) == ["a"]


def test_metadata_are_those_of_the_file(tmp_path):
    told = {"session_description": "mine", "experimenter": "Ada", "identifier": "7"}
    NO_CONDITIONS.to_nwb(tmp_path / "a.nwb", metadata=told)
    with pynwb.NWBHDF5IO(str(tmp_path / "a.nwb"), "r") as file:
        nwb = file.read()
        assert (nwb.session_description, nwb.experimenter, nwb.identifier) == (
            "mine",
            ("Ada",),
            "7",
        )
    with pytest.raises(TypeError, match="metadata must be arguments of pynwb.NWBFile: .*'speces'"):
        NO_CONDITIONS.to_nwb(tmp_path / "b.nwb", metadata={"speces": "x"})


def test_what_cannot_be_written_is_refused(recording, tmp_path):
    def changed(**groups):
        parts = {"conditions": recording.conditions, "units": recording.units} | groups
        return Recording(recording.counts, recording.timing, spikes=recording.spikes, **parts)

    for one, error, text in (
        (changed(conditions={"start_time": np.arange(8)}), ValueError, "conditions.'start_time'"),
        (changed(units={"spike_times": np.arange(5)}), ValueError, "units.'spike_times'. cannot g"),
        (changed(conditions={"a/b": np.arange(8)}), ValueError, "'a/b'. cannot go into NWB"),
        (Recording(recording.counts, recording.timing), ValueError, "spike times were not record"),
    ):
        with pytest.raises(error, match=text):
            one.to_nwb(tmp_path / "a.nwb")
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError, match="no such folder"):
        recording.to_nwb(tmp_path / "none" / "a.nwb")


# What others write


def test_the_only_table_with_columns_of_the_stimulus_is_found(tmp_path):
    epochs = intervals("epochs", start=[0.0], length=9.0)
    ori = np.array(["0.0", "90.0", "null"], object)
    table = intervals(orientation=ori, contrast=[0.8, 0.8, 0.8])
    path = saved(foreign(None, epochs, table), tmp_path / "a.nwb")
    found = Recording.from_nwb(path, before=100 * ms, after=200 * ms)
    assert found.n_trials == 3 and found.timing.duration == pytest.approx(0.8)
    np.testing.assert_array_equal(found.conditions["orientation"], [0, 90, np.nan])
    np.testing.assert_allclose(found.spike_times(0, 0), [0.1])
    # The blank is a condition, and no part of the tuning curve.
    assert list(found.trials_where(orientation=np.nan)) == [2]
    np.testing.assert_array_equal(tuning_curve(found, "orientation").values, [0, 90])


def test_of_several_tables_one_has_to_be_named(tmp_path):
    gratings, images = (
        intervals(ori=[0, 1, 2]),
        intervals("images", [5.0, 6.0, 7.0], 0.2, image="abc"),
    )
    path = saved(foreign([[1.1, 7.1]], gratings, images), tmp_path / "a.nwb")
    text = (
        r"several tables have stimulus columns, .*: name one with trials=; the file has "
        r".*drifting_gratings_presentations \(start_time, stop_time, ori\).*"
    )
    with pytest.raises(FileFormatError, match=text):
        Recording.from_nwb(path)
    with pytest.raises(FileFormatError, match=r"trials: there is no table 'x'; the file has .*ori"):
        Recording.from_nwb(path, "x")
    assert list(Recording.from_nwb(path, "images").conditions["image"]) == ["a", "b", "c"]
    # Only one has the column that is asked for.
    found = Recording.from_nwb(path, columns={"orientation": "ori"})
    assert list(found.conditions) == ["orientation"]
    with pytest.raises(FileFormatError, match="columns: images has no 'ori' to be 'orientation'"):
        Recording.from_nwb(path, "images", columns={"orientation": "ori"})
    with pytest.raises(FileFormatError, match="no table of intervals has stimulus columns"):
        Recording.from_nwb(path, columns={"orientation": "angle"})


def test_a_real_file_without_stimuli_lists_its_tables(shared_folder):
    path = shared_folder / "data" / "recordings" / "phy_units_without_stimuli.nwb"
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    text = r"no table of intervals has .*; the file has epochs \(start_time, stop_time, tags\)$"
    with pytest.raises(FileFormatError, match=f"phy_units_without_stimuli.nwb: {text}"):
        Recording.from_nwb(path)
    # Asked for by name, its one epoch is one trial, in which all spikes of all units are.
    found = Recording.from_nwb(path, "epochs", window=1 * second)
    assert found.n_trials == 1 and list(found.units["id"]) == [6, 191, 206]
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        units = file.read().units.to_dataframe()
    for neuron, times in enumerate(units.spike_times):
        np.testing.assert_allclose(found.spike_times(neuron), times, rtol=0, atol=1e-9)


def test_other_columns_may_have_the_times():
    table = intervals("trials_of_mouse", on=[1.1, 2.1, 3.1], off=[1.3, 2.3, 3.3], side=[0, 1, 0])
    nwb = foreign(None, table)
    found = Recording.from_nwb(nwb, columns={"start_time": "on", "stop_time": "off"})
    assert found.timing.duration == pytest.approx(0.2)
    np.testing.assert_array_equal(found.conditions["trial_start_time"], [1, 2, 3])
    assert set(found.conditions) == {"trial_start_time", "trial_stop_time", "side"}


def test_what_is_known_of_units_is_kept():
    nwb = foreign(None, intervals(c=[1, 2, 3]), quality=["good", "mua"], snr=[2.5, 3.5], id=[3, 8])
    found = Recording.from_nwb(nwb)
    assert list(found.units["quality"]) == ["good", "mua"] and list(found.units["id"]) == [3, 8]
    np.testing.assert_array_equal(found.units["snr"], [2.5, 3.5])


def test_spikes_and_trials_have_to_be_within_what_was_observed():
    table = intervals(c=[1, 2, 3])
    inside = [[[0.0, 9.0]], [[0.0, 2.6], [2.9, 9.0]]]
    assert Recording.from_nwb(foreign(None, table, obs_intervals=inside)).n_trials == 3
    nwb = foreign(None, intervals(c=[1, 2, 3]), obs_intervals=[[[0.0, 9]], [[0, 2.6], [3.1, 9]]])
    with pytest.raises(FileFormatError, match=r"1 of 3 trials \(rows 2\): was not observed"):
        Recording.from_nwb(nwb)
    with pytest.warns(RecordingWarning, match="left out these trials"):
        assert list(Recording.from_nwb(nwb, faults="drop").conditions["c"]) == [1, 2]
    nwb = foreign(None, intervals(c=[1, 2, 3]), obs_intervals=[[[0.0, 9]], [[0, 3.2]]])
    with pytest.raises(FileFormatError, match=r"1 spike time\(s\) of .* are outside the session"):
        Recording.from_nwb(nwb)
    nwb = foreign(None, intervals(c=[1, 2, 3]), obs_intervals=[[[9.0, 0]], [[0, 3.2]]])
    with pytest.raises(FileFormatError, match="obs_intervals must each have a beginning and a lat"):
        Recording.from_nwb(nwb)


@pytest.mark.parametrize(
    ("spikes", "start", "text"),
    [
        ([[-0.5, 1.1], [3.3]], (1.0, 2.0, 3.0), "are negative"),
        ([[np.nan, 1.1], [3.3]], (1.0, 2.0, 3.0), "are NaN or infinite"),
        (None, (1.0, 1.2, 3.0), "begins before another has ended"),
        (None, (1.0, np.nan, 3.0), "start is not a number"),
    ],
)
def test_faults_are_errors_or_left_out_with_a_warning(spikes, start, text):
    nwb = foreign(spikes, intervals(start=start, c=[1, 2, 3]))
    with pytest.raises(FileFormatError, match=f"foreign: .*{text}"):
        Recording.from_nwb(nwb)
    with pytest.warns(RecordingWarning, match=f"{text}: left out"):
        found = Recording.from_nwb(nwb, faults="drop")
    # The trials or the spikes that are left out are the only ones.
    assert (found.n_trials, found.counts.sum()) == ((3, 2) if spikes else (2, 2))


def test_units_without_spikes_unsorted_times_and_repeated_ids():
    table = {"c": [1, 2, 3]}
    with pytest.warns(RecordingWarning, match=r"no spikes in the whole session of 1 of 2 units"):
        found = Recording.from_nwb(foreign([[1.1, 3.2], []], intervals(**table)))
    assert list(found.counts.sum(axis=(0, 1))) == [2, 0]
    with pytest.warns(RecordingWarning, match="were not in order: sorted"):
        found = Recording.from_nwb(foreign([[3.2, 1.1], [2.2]], intervals(**table)))
    assert found.counts.sum() == 3
    nwb = foreign(None, intervals(**table), id=[4, 4])
    with pytest.raises(FileFormatError, match="unit ids must differ, got 4 more than once"):
        Recording.from_nwb(nwb)


def test_files_without_spikes_or_tables():
    empty = foreign([])
    with pytest.raises(FileFormatError, match="the file has no tables of intervals"):
        Recording.from_nwb(empty)
    with pytest.raises(FileFormatError, match="no spike times: the file has no units"):
        Recording.from_nwb(foreign([], intervals(c=[1, 2, 3])))


def test_what_is_no_such_file_is_told(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no such file: .*none.nwb"):
        Recording.from_nwb(tmp_path / "none.nwb")
    (tmp_path / "a.nwb").write_bytes(b"not HDF5")
    with pytest.raises(FileFormatError, match="a.nwb: not readable as NWB: "):
        Recording.from_nwb(tmp_path / "a.nwb")
    with pytest.raises(TypeError, match="before must be a time with units"):
        Recording.from_nwb(tmp_path / "a.nwb", before=0.1)
    monkeypatch.setitem(sys.modules, "pynwb", None)
    for call in (lambda: Recording.from_nwb("a.nwb"), lambda: NO_CONDITIONS.to_nwb("a.nwb")):
        with pytest.raises(ImportError, match=r"pip install ipvae_brian\[nwb\]"):
            call()


def test_columns_of_all_kinds(recording, written):
    assert_same(Recording.from_nwb(written), recording)


def test_trials_in_invalid_times_are_a_fault():
    """And those that only touch such a time are none."""
    nwb = foreign(None, intervals(orientation=[0, 90, 0]))
    for begin, end in ((2.49, 2.6), (0.2, 1.0), (2.55, 2.58), (3.5, 4.0)):
        nwb.add_invalid_time_interval(start_time=begin, stop_time=end)
    with pytest.raises(FileFormatError, match=r"1 of 3 trials \(rows 1\): lies in .* invalid"):
        Recording.from_nwb(nwb)
    with pytest.warns(RecordingWarning, match="invalid, before and after included: left out these"):
        found = Recording.from_nwb(nwb, faults="drop")
    assert found.conditions["orientation"].tolist() == [0, 0]
    with pytest.warns(RecordingWarning, match="2 of 3 trials .* invalid"):
        assert Recording.from_nwb(nwb, after=100 * ms, faults="drop").n_trials == 1


def test_a_table_of_units_without_rows_is_named():
    nwb = foreign([], intervals(orientation=[0, 90, 0]))
    nwb.add_unit_column("spike_times", "none", index=True)
    with pytest.raises(FileFormatError, match="the file's table of units has no rows"):
        Recording.from_nwb(nwb)
