"""Orthogonal matching pursuit uses as many neurons as it may, and solves for them exactly."""

import numpy as np
import pytest

from benchmarks.baselines import matching_pursuit
from benchmarks.baselines.matching_pursuit import MatchingPursuit


def reference(dictionary, x, n):
    """The algorithm as it is written down, for one stimulus."""
    chosen, left = [], x
    for _ in range(n):
        chosen.append(int(np.abs(dictionary.T @ left).argmax()))
        solved = np.linalg.lstsq(dictionary[:, chosen], x, rcond=None)[0]
        left = x - dictionary[:, chosen] @ solved
    code = np.zeros(dictionary.shape[1])
    code[chosen] = solved
    return code


def test_codes_are_those_of_the_algorithm(stimuli, unit_dictionary, monkeypatch):
    monkeypatch.setattr(matching_pursuit, "ROWS", 2)  # stimuli in parts
    model = MatchingPursuit(16, 24, dictionary=7 * unit_dictionary, n_nonzero=4).fit(stimuli)
    codes = model.infer(stimuli)
    expected = [reference(unit_dictionary, x, 4) for x in stimuli]
    np.testing.assert_allclose(codes, expected, atol=1e-5)
    assert ((codes != 0).sum(axis=1) == 4).all()
    np.testing.assert_allclose(model.decode(codes), codes @ unit_dictionary.T, atol=1e-5)


def test_a_dictionary_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"dictionary must have the shape \(4, 3\), got \(3, 4\)"):
        MatchingPursuit(4, 3, dictionary=np.zeros((3, 4)))
