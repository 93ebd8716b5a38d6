"""neo's objects: segments that are trials, or one with epochs, in any unit of time."""

import sys

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Recording, RecordingWarning, Spikes, Timing

neo = pytest.importorskip("neo")
pq = pytest.importorskip("quantities")


def train(times, units="s", start=0.0, stop=10.0, **annotations):
    scale = {"s": 1, "ms": 1e3, "us": 1e6}[units]
    return neo.SpikeTrain(
        np.array(times) * scale,
        units=units,
        t_start=start * scale,
        t_stop=stop * scale,
        **annotations,
    )


def session(*epochs, units="ms", events=()):
    """A segment of ten seconds, as neo reads it from a file."""
    segment = neo.Segment()
    segment.spiketrains.extend([train([1.1, 2.2], units, name="a"), train([3.3], units, name="b")])
    segment.epochs.extend(list(epochs))
    segment.events.extend(list(events))
    return segment


def epoch(name="stim", units="ms", start=(1.0, 2.0, 3.0), **columns):
    scale = {"s": 1, "ms": 1e3}[units]
    return neo.Epoch(
        times=np.array(start) * scale,
        durations=np.full(len(start), 0.5 * scale),
        units=units,
        name=name,
        array_annotations={
            key: column if hasattr(column, "units") else np.array(column)
            for key, column in columns.items()
        },
    )


def test_segments_are_what_the_recording_has(recording):
    block = recording.to_neo()
    assert len(block.segments) == 8
    for i, segment in enumerate(block.segments):
        assert segment.annotations["image"] == "abcdefgh"[i]
        assert segment.annotations["block"] == i
        for j, one in enumerate(segment.spiketrains):
            np.testing.assert_array_equal(one.rescale("s").magnitude, recording.spike_times(j, i))
            assert (float(one.t_start), float(one.t_stop)) == pytest.approx((-0.1, 0.4))
            assert one.annotations["id"] == recording.units["id"][j]
            assert one.annotations["quality"] == recording.units["quality"][j]


def test_elephant_counts_the_same(recording):
    conversion = pytest.importorskip("elephant.conversion")
    for i, segment in enumerate(recording.to_neo().segments):
        binned = conversion.BinnedSpikeTrain(list(segment.spiketrains), bin_size=20 * pq.ms)
        np.testing.assert_array_equal(binned.to_array(), recording.counts[i].T)


def test_steps_with_several_spikes_keep_them():
    columns = map(np.array, ([0, 0], [0, 0], [0.001, 0.004], [2, 1]))
    recording = Recording([[[3]]], Timing(0.001, 5, 5), spikes=Spikes(*columns))
    np.testing.assert_array_equal(Recording.from_neo(recording.to_neo()).counts, recording.counts)


@pytest.mark.parametrize("units", ["s", "ms"])
def test_sessions_with_epochs_in_any_unit(units):
    source = session(epoch(units=units, ori=[0, 90, 0]), units=units)
    found = Recording.from_neo(source, columns={"orientation": "ori"}, before=100 * ms)
    np.testing.assert_allclose(found.spike_times(0, 0), [0.1], atol=1e-12)
    assert found.counts.sum() == 3 and list(found.conditions["orientation"]) == [0, 90, 0]
    assert list(found.units["id"]) == ["a", "b"]
    np.testing.assert_array_equal(
        Recording.from_neo([source]).counts.sum(axis=1), [[1, 0]] * 2 + [[0, 1]]
    )


def test_conditions_with_units_keep_their_numbers_with_a_warning():
    source = session(epoch(ori=[0, 90, 0] * pq.deg))
    with pytest.warns(RecordingWarning, match="trials: ori is in deg; its numbers are kept"):
        found = Recording.from_neo(source)
    assert list(found.conditions["ori"]) == [0, 90, 0]


def test_events_are_trials_with_a_stated_duration():
    events = neo.Event(times=[1.0, 3.0] * pq.s, labels=["left", "right"], name="cue")
    source = session(events=[events])
    with pytest.raises(ValueError, match="does not say when stimuli end: state duration"):
        Recording.from_neo(source)
    found = Recording.from_neo(source, duration=400 * ms)
    assert list(found.conditions["label"]) == ["left", "right"] and found.counts.sum() == 2


def test_of_several_epochs_one_has_to_be_named():
    source = session(epoch("stim", c=[1, 2, 3]), epoch("", start=[5.0]))
    with pytest.raises(ValueError, match="several epochs or events .* name one of stim, epoch 1"):
        Recording.from_neo(source)
    with pytest.raises(ValueError, match="trials: no 'x' among .* of the segment: stim, epoch 1"):
        Recording.from_neo(source, "x")
    assert Recording.from_neo(source, "stim").n_trials == 3
    with pytest.raises(ValueError, match="neither epochs nor events, so where are the trials"):
        Recording.from_neo(session())


def segments(start=0.0, stop=1.0, **changes):
    block = neo.Block()
    for i, times in enumerate([[0.2], [0.3, 0.7]]):
        segment = neo.Segment(contrast=0.5 * i)
        own = [start + t for t in times]
        trains = [train(own, "ms", start, stop, name="a"), train([], "us", start, stop, name="b")]
        segment.spiketrains.extend(trains[: changes.get("n_trains", [2, 2])[i]])
        block.segments.append(segment)
    return block


@pytest.mark.filterwarnings("ignore:no spikes")
def test_segments_begin_with_the_stimulus_or_have_it_at_zero():
    found = Recording.from_neo(segments())
    assert found.timing.before == 0 and found.timing.duration == 1.0
    np.testing.assert_allclose(found.spike_times(0, 1), [0.3, 0.7], atol=1e-9)
    np.testing.assert_array_equal(found.conditions["contrast"], [0, 0.5])
    # On the time axis of a session, which does not begin at 0.
    later = Recording.from_neo(segments(50.0, 51.0))
    np.testing.assert_array_equal(later.counts, found.counts)
    # From 400 ms before the stimulus; spikes keep their times from its onset.
    early = Recording.from_neo(segments(-0.4, 0.6))
    assert early.timing.before == pytest.approx(0.4)
    np.testing.assert_allclose(early.spike_times(0, 1), [-0.1, 0.3], atol=1e-9)
    short = Recording.from_neo(segments(-0.4, 0.6), before=200 * ms, duration=300 * ms)
    assert short.timing.duration == pytest.approx(0.5)
    np.testing.assert_allclose(short.spike_times(0, 1), [-0.1], atol=1e-9)


def test_faults(recording, monkeypatch):
    with pytest.raises(TypeError, match="source must be a neo.Block, .* got dict"):
        Recording.from_neo({})
    with pytest.raises(ValueError, match="source has no segments"):
        Recording.from_neo(neo.Block())
    with pytest.raises(ValueError, match="segments must have spike trains of the same units"):
        Recording.from_neo(segments(n_trains=[2, 1]))
    with pytest.raises(ValueError, match="trials: no 'x' among .* of a block of 2 segments: none"):
        Recording.from_neo(segments(), "x")
    with pytest.raises(ValueError, match="layout must be one of 'trials', 'session', got 'trial'"):
        recording.to_neo("trial")
    with pytest.raises(ValueError, match='start and gap are for layout="session"'):
        recording.to_neo(gap=10 * ms)
    for group, n in (("conditions", 8), ("units", 5)):
        taken = Recording(
            recording.counts,
            recording.timing,
            spikes=recording.spikes,
            **{group: {"name": range(n)}},
        )
        with pytest.raises(ValueError, match=rf"{group}\['name'\] cannot be an annotation of neo"):
            taken.to_neo()
    long = epoch(start=[1.0, 9.8], c=[1, 2])
    with pytest.raises(ValueError, match=r"1 of 2 trials \(rows 1\): was not observed"):
        Recording.from_neo(session(long))
    with pytest.warns(RecordingWarning, match="left out these trials"):
        assert Recording.from_neo(session(long), faults="drop").n_trials == 1
    monkeypatch.setitem(sys.modules, "neo", None)
    with pytest.raises(ImportError, match=r"pip install ipvae_brian\[neo\]"):
        recording.to_neo()


def test_annotations_of_epochs_are_not_their_times():
    found = Recording.from_neo(session(epoch(start_time=[7, 8, 9], ori=[0, 90, 0])))
    np.testing.assert_array_equal(found.conditions["trial_start_time"], [7, 8, 9])
    assert found.counts.sum(axis=(1, 2)).tolist() == [1, 1, 1]


def test_spike_times_of_few_bits_are_told():
    segment = neo.Segment()
    times = np.float32([20000.1, 20001.2])
    segment.spiketrains.append(neo.SpikeTrain(times, units="s", t_start=0.0, t_stop=30000.0))
    segment.epochs.append(epoch(units="s", start=[20000.0]))
    with pytest.warns(RecordingWarning, match="spike times are stored with 32 bits"):
        assert Recording.from_neo(segment).counts.sum() == 1
