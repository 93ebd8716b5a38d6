"""Damaged files for the tests of readers: bytes changed, and archives rewritten with other content.

``IPVAE_FUZZ_FILES`` says how many of each kind; ``python -m benchmarks.fuzz`` tries 10,000.
"""

import json
import os

import numpy as np

from ipvae_brian._tools.files import checksum

N_FILES = int(os.environ.get("IPVAE_FUZZ_FILES", "300"))
DEEP = "deep"
VALUES = (
    *(None, True, "", "x", "nan", "\x00", "\ud800", 0, 1, -1, 3, 10**30, 0.5, -0.5, 1e308, 5e-324),
    *(float("nan"), float("inf"), [], [[]], {}, [1], ["a"], {"a": {"b": [None]}}, [2**62 + 1, 4]),
    *(2**62 + 1, -(2**62), "../x", DEEP),
)
TYPES = ("f2", "f4", ">f8", "i1", "i8", ">u2", "c8", "S3", "U5", "?", "M8[s]", "i4,f4")
SHAPES = ((0,), (1,), (), (0, 3), (2, 2, 2))
NUMBERS = (np.nan, np.inf, -np.inf, 1e300, -1e300, 5e-324, -1, 0, 2**31, 1e9)


def mutated(content, rng):
    """Return bytes of which some are changed, cut off, repeated, left out or all the same."""
    content = bytearray(content)
    # Headers are short: half of the changes go there.
    n_bytes = len(content) if rng.random() < 0.5 else min(len(content), 200)
    start = int(rng.integers(n_bytes))
    length = int(min(2 ** rng.integers(0, 8), len(content) - start))
    kind = rng.integers(6)
    if kind == 0:
        content[start : start + length] = rng.bytes(length)
    elif kind == 1:
        del content[start:]
    elif kind == 2:
        del content[start : start + length]
    elif kind == 3:
        content[start:start] = content[start : start + length]
    elif kind == 4:
        content[start : start + length] = bytes([rng.choice([0, 1, 0x7F, 0x80, 0xFF])]) * length
    else:
        for place in rng.integers(n_bytes, size=rng.integers(1, 5)):
            content[place] ^= 1 << rng.integers(8)
    return bytes(content)


def rewrite(original, path, rng):
    """Write a valid archive in which one thing is another; whether its checksum fits.

    Half of the checksums are made to fit, so that what comes after them is tried as well.
    """
    with np.load(original) as file:
        fields = dict(file)
    mark, text = fields.pop("checksum"), str(fields.pop("metadata"))
    metadata = json.loads(text)
    if rng.random() < 0.5:
        _change_array(fields, metadata, rng)
    else:
        _change_value(metadata, rng)
    text = json.dumps(metadata).replace(f'"{DEEP}"', "[" * 3000 + "]" * 3000)
    fits = rng.random() < 0.5
    if fits:
        mark = np.array(checksum(text, fields))
    elif rng.random() < 0.1:
        mark = np.array([rng.bytes(3), b"x"])
    np.savez(path, metadata=np.array(text), checksum=mark, **fields)
    return fits


def _change_array(fields, metadata, rng):
    name = str(rng.choice(sorted(fields)))
    array = fields[name]
    kind = rng.integers(6)
    if kind == 0 and array.size and array.dtype.kind in "iufb":
        array = array.copy()
        with np.errstate(all="ignore"):
            value = np.asarray(rng.choice(NUMBERS)).astype(array.dtype)
        array.flat[rng.integers(array.size)] = value
    elif kind == 1:
        with np.errstate(all="ignore"):
            array = np.zeros(array.shape, str(rng.choice(TYPES)))
    elif kind == 2:
        array = np.zeros(SHAPES[rng.integers(len(SHAPES))], array.dtype)
    elif kind == 3 and array.ndim:
        axis = int(rng.integers(array.ndim))
        array = np.delete(array, 0, axis) if rng.random() < 0.5 else np.repeat(array, 2, axis)
    elif kind == 4:
        array = array.T if rng.random() < 0.5 else array.ravel()
    else:
        del fields[name]
        if rng.random() < 0.5:
            metadata["fields"] = sorted(fields)
        return
    fields[name] = array


def _change_value(metadata, rng):
    """Change, delete or add one value, at any depth."""
    place = metadata
    while True:
        key = place_key(place, rng)
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
            break
        place = inner
    kind = rng.integers(6)
    if kind == 0:
        del place[key]
    elif kind == 1 and isinstance(place, dict):
        place["new"] = VALUES[rng.integers(len(VALUES))]
    else:
        place[key] = VALUES[rng.integers(len(VALUES))]


def place_key(place, rng):
    """A key of a dict, or an index of a list."""
    if isinstance(place, dict):
        return str(rng.choice(sorted(place)))
    return int(rng.integers(len(place)))
