"""A recording's own file holds all of it; of a response, it is the recording."""

import numpy as np
import pytest
from brian2.only import ms
from helpers import stored, write_stored

from ipvae_brian import FileFormatError, Recording, Response, SpikingNetwork


@pytest.fixture
def response(parameters, stimuli):
    return SpikingNetwork(parameters, dt=1 * ms).present(stimuli, 100 * ms, seed=1)


def test_all_parts_are_kept(recording, tmp_path):
    frames = np.random.default_rng(0).normal(size=(2, 1, 4)).astype(np.float32)
    numbers = [0, 1] * 4
    full = Recording(
        recording.counts,
        recording.timing,
        spikes=recording.spikes,
        conditions=recording.conditions,
        units=recording.units,
        frames=frames,
        stimulus_numbers=numbers,
    )
    full.save(tmp_path / "a.npz")
    found = Recording.load(tmp_path / "a.npz")
    assert type(found) is Recording and found.timing == full.timing
    np.testing.assert_array_equal(found.frames, frames)
    np.testing.assert_array_equal(found.stimulus_numbers, numbers)
    for name in full.spikes._fields:
        np.testing.assert_array_equal(getattr(found.spikes, name), getattr(full.spikes, name))
    for group in ("conditions", "units"):
        assert list(getattr(found, group)) == list(getattr(full, group))
    with pytest.raises(ValueError, match="read-only"):
        found.counts[0] = 1


def test_counts_alone_are_kept(tmp_path):
    recording = Recording.from_counts(np.arange(12).reshape(2, 3, 2), {"c": [1, 2, 3]}, 100 * ms)
    recording.save(tmp_path / "a.npz")
    found = Recording.load(tmp_path / "a.npz")
    assert found.spikes is None and found.frames is None
    np.testing.assert_array_equal(found.counts, recording.counts)


def test_of_a_response_the_recording_is_read(response, tmp_path):
    response.save(tmp_path / "a.npz")
    found = Recording.load(tmp_path / "a.npz")
    assert type(found) is Recording and found.timing == response.timing
    np.testing.assert_array_equal(found.counts, response.counts)
    np.testing.assert_array_equal(found.frames, response.frames)
    assert type(Response.load(tmp_path / "a.npz")) is Response


def test_damage_is_refused(recording, tmp_path):
    path = tmp_path / "a.npz"
    recording.save(path)
    arrays, metadata = stored(path)
    for name, change, text in (
        ("spikes.time", lambda a: np.r_[np.nan, a[1:]], "field 'spikes.time' has NaN or infinity"),
        ("counts", lambda a: a + 1, "field 'counts' has other spikes than 'spikes'"),
        ("counts", lambda a: a[:, :3], "a field is damaged: counts must have shape"),
        ("conditions.block", lambda a: a[:3], "a field is damaged: conditions.'block'"),
    ):
        write_stored(path, arrays | {name: change(arrays[name])}, metadata)
        with pytest.raises(FileFormatError, match=f"a.npz: {text}"):
            Recording.load(path)
    write_stored(path, {n: a for n, a in arrays.items() if n != "counts"}, metadata)
    with pytest.raises(FileFormatError, match="field 'counts' is missing"):
        Recording.load(path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(FileFormatError, match="not an ipvae_brian recording file"):
        Recording.load(path)
