"""Files of responses: whole, of this or the last version, and with parts that agree."""

import json

import numpy as np
import pytest
from helpers import stored, write_stored

from ipvae_brian import FileFormatError, Response


def test_round_trip_through_a_file(simulated, tmp_path):
    simulated.save(tmp_path / "r.npz")
    loaded = Response.load(tmp_path / "r.npz")
    assert loaded.timing == simulated.timing
    assert loaded.recorded_neurons == simulated.recorded_neurons
    for name in ("frames", "counts", "expected_counts", "potentials", "step_counts"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(simulated, name), name)
    for one, other in zip(loaded.spikes, simulated.spikes, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(loaded.parameters.dictionary, simulated.parameters.dictionary)
    assert loaded.distance() == simulated.distance()


def test_a_file_without_spikes_and_potentials_or_with_conditions(simulated, tmp_path):
    r = simulated
    plain = Response(
        r.parameters,
        r.frames[:2],
        r.timing,
        r.counts,
        r.expected_counts,
        conditions={"contrast": [0.1, 0.2, 0.1], "name": ["a", "b", "c"]},
        units={"depth": [1, 2, 3, 4]},
        stimulus_numbers=[1, 0, 1],
    )
    plain.save(tmp_path / "p.npz")
    loaded = Response.load(tmp_path / "p.npz")
    assert loaded.spikes is None and loaded.potentials is None and loaded.step_counts is None
    np.testing.assert_array_equal(loaded.counts, plain.counts)
    np.testing.assert_array_equal(loaded.stimulus_numbers, [1, 0, 1])
    assert loaded.conditions["name"].tolist() == ["a", "b", "c"]
    assert loaded.conditions["contrast"].tolist() == [0.1, 0.2, 0.1]
    assert loaded.units["depth"].tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(loaded.r2(), plain.r2())


def rewrite(path, change):
    """Write the same file with its arrays and metadata changed, and a checksum that fits."""
    arrays, metadata = stored(path)
    change(arrays, metadata)
    write_stored(path, arrays, metadata | {"fields": sorted(arrays)})


def test_version_1_is_read(simulated, tmp_path):
    path = tmp_path / "r.npz"
    simulated.save(path)

    arrays, metadata = stored(path)
    metadata["format_version"] = 1
    arrays["rates"] = arrays.pop("expected_counts")
    arrays["spikes.stimulus"] = arrays.pop("spikes.trial")
    del arrays["stimulus_numbers"], metadata["timing"]["before"]
    metadata["fields"] = sorted(arrays)
    np.savez(path, metadata=np.array(json.dumps(metadata)), **arrays)
    loaded = Response.load(path)
    np.testing.assert_array_equal(loaded.expected_counts, simulated.expected_counts)
    np.testing.assert_array_equal(loaded.spikes.trial, simulated.spikes.trial)


ARRAYS = (
    "frames counts expected_counts stimulus_numbers potentials step_counts spikes.trial "
    "spikes.neuron spikes.time spikes.count parameters.dictionary parameters.threshold"
).split()
CHANGES = {
    "one fewer": lambda a: a[:-1],
    "one more": lambda a: np.concatenate([a, a[-1:]]),
    "one dimension more": lambda a: a[None],
    "empty": lambda a: a[:0],
    "text": lambda a: np.full(a.shape, "x"),
    "a number": lambda a: np.array(1.0),
    "last axis shorter": lambda a: a[..., :-1],
    "complex": lambda a: a + 1j,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ARRAYS)
def test_a_file_whose_parts_do_not_agree_is_refused(simulated, tmp_path, name, change):
    if (name, change) in (("frames", "one more"), ("parameters.threshold", "a number")):
        pytest.skip("a stimulus that no trial showed, one threshold for all: both are allowed")
    path = tmp_path / "r.npz"
    simulated.save(path)

    def changed(arrays, metadata):
        arrays[name] = CHANGES[change](arrays[name])

    rewrite(path, changed)
    with pytest.raises(FileFormatError, match="r.npz: "):
        Response.load(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_steps", 22),
        ("n_steps", 10**9),
        ("n_steps", "23"),
        ("steps_per_window", 4),
        ("dt", 0.003),
        ("dt", None),
        ("tau", 0.02),
        ("tau", None),
        ("frame_steps", [10, 13]),
        ("frame_steps", 23),
        ("before", 0.002),
        ("before", float("nan")),
        ("unknown", 1),
    ],
)
def test_a_file_whose_timing_does_not_agree_is_refused(simulated, tmp_path, name, value):
    path = tmp_path / "r.npz"
    simulated.save(path)
    rewrite(path, lambda arrays, metadata: metadata["timing"].update({name: value}))
    with pytest.raises(FileFormatError, match="r.npz: "):
        Response.load(path)


@pytest.mark.parametrize("value", [[0, 1, 2], [0, 1, 2, 9], [0, 0, 1, 2], None, "0123", [0.5] * 4])
def test_a_file_whose_recorded_neurons_do_not_agree_is_refused(simulated, tmp_path, value):
    path = tmp_path / "r.npz"
    simulated.save(path)
    rewrite(path, lambda arrays, metadata: metadata.update(recorded_neurons=value))
    with pytest.raises(FileFormatError, match="r.npz: "):
        Response.load(path)


def test_a_file_whose_spikes_are_not_its_counts_is_refused(simulated, tmp_path):
    path = tmp_path / "r.npz"
    simulated.save(path)

    def changed(arrays, metadata):
        arrays["counts"][0, 0, 0] += 1

    rewrite(path, changed)
    with pytest.raises(FileFormatError, match="r.npz: field 'counts' has other spikes than"):
        Response.load(path)


def test_damaged_and_foreign_response_files(simulated, tmp_path):
    path = tmp_path / "r.npz"
    simulated.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    for name in arrays.keys() - {"metadata"}:
        np.savez(path, **{k: v for k, v in arrays.items() if k != name})
        with pytest.raises(FileFormatError, match=f"r.npz: field '{name}' is missing"):
            Response.load(path)
    simulated.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileFormatError, match="r.npz"):
        Response.load(path)
    simulated.parameters.save(path)
    with pytest.raises(FileFormatError, match="r.npz: field 'format'"):
        Response.load(path)
    with pytest.raises(FileNotFoundError):
        Response.load(tmp_path / "none.npz")
