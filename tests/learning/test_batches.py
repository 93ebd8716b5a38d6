"""Batches of stimuli, and how their data are told from others."""

import numpy as np
import pytest

from ipvae_brian.learning.batches import ShuffledArray, Stream, checksum, is_stream
from ipvae_brian.learning.settings import TrainingSettings

SETTINGS = TrainingSettings(batch_size=20, n_epochs=2, seed=3)


def noise(n=100, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 9)).astype(np.float32)


def stream(*arrays, settings=SETTINGS):
    return Stream(list(arrays), settings, lambda array, first: array)


def test_what_is_a_stream():
    assert is_stream(noise() for _ in range(3))
    assert is_stream({"a": 1}.values())
    for array in (noise(), [[1, 2]], ((1, 2),), "text", 3):
        assert not is_stream(array)


def test_checksum_tells_any_row_apart(monkeypatch):
    stimuli = noise()
    marks = {checksum(stimuli)}
    for row in range(len(stimuli)):
        other = stimuli.copy()
        other[row, 4] += np.float32(1e-6)
        marks.add(checksum(other))
    others = [stimuli[:-1], stimuli[:, :-1], stimuli[::-1], stimuli.astype(np.float64)]
    marks |= {checksum(other) for other in others}
    marks.add(checksum(stimuli, "after something else"))
    assert len(marks) == 1 + 100 + 4 + 1
    # Neither the layout in memory nor the pieces it is read in matter.
    assert checksum(np.asfortranarray(stimuli)) == checksum(stimuli)
    monkeypatch.setattr("ipvae_brian.learning.batches.ROWS", 7)
    assert checksum(stimuli) in marks


def test_fingerprint_of_an_array():
    whole = ShuffledArray(noise(), SETTINGS)
    assert whole.n_total == 10
    assert whole.fingerprint(0) == whole.fingerprint(7)
    others = [noise(seed=1), noise(99), noise().astype(np.float64)]
    marks = {ShuffledArray(x, SETTINGS).fingerprint(0) for x in others}
    assert len(marks | {whole.fingerprint(0)}) == 4
    # The same numbers in a stream are learned from in another order.
    assert stream(noise()).fingerprint(3) != whole.fingerprint(3)


def test_batches_of_a_stream():
    x = noise()
    once = TrainingSettings(batch_size=20, n_epochs=1)
    batches = list(stream(x[:50], x[50:60], settings=once).batches(0))
    assert [len(b) for b in batches] == [20, 20, 10, 10]
    np.testing.assert_array_equal(np.concatenate(batches), x[:60])
    assert len(list(stream(x[:50], x[50:60]).batches(0))) == 8
    rest = list(stream(x[:50], x[50:60]).batches(3))
    np.testing.assert_array_equal(rest[0], x[50:60])
    assert len(rest) == 5


def test_fingerprint_of_a_stream_is_of_all_that_was_learned_from():
    x = noise()
    source = stream(x[:50], x[50:])
    marks = [source.fingerprint(0)]
    marks += [source.fingerprint(n) for n, _ in enumerate(source.batches(0), 1)]
    assert len(set(marks)) == 1 + 2 * 6
    again = stream(x[:50], x[50:])
    assert [again.fingerprint(n) for n in (3, 0, 12)] == [marks[n] for n in (3, 0, 12)]
    other = x.copy()
    other[70, 0] += 1  # in the fifth batch
    changed = stream(other[:50], other[50:])
    same = [changed.fingerprint(n) == marks[n] for n in range(13)]
    assert same == [True] * 5 + [False] * 8
    # One that has become shorter never gets there.
    assert stream(x[:50]).fingerprint(12) not in marks[11:]


def test_streams_that_end_before_they_begin():
    with pytest.raises(ValueError, match="n_epochs must be 1 for an iterator.*got 2"):
        Stream(iter([noise()]), SETTINGS, lambda array, first: array)
    with pytest.raises(ValueError, match="without any array"):
        stream()
