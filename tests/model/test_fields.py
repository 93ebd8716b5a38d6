"""Fields of a model that are neither numbers nor arrays."""

import pytest

from ipvae_brian.model.fields import checked_front_end, checked_json, checked_shape


def test_shape_of_a_stimulus():
    assert checked_shape(None, 6) == (6,)
    assert checked_shape([2, 3], 6) == (2, 3)
    for shape in ((2, 2), (-2, -3), (2.0, 3), (True, 6), ()):
        with pytest.raises(ValueError, match="^stimulus_shape must be whole numbers"):
            checked_shape(shape, 6)
    with pytest.raises(TypeError, match="^stimulus_shape must be a tuple"):
        checked_shape("23", 6)


def test_json_is_a_dict_and_finite():
    assert checked_json({"a": [1]}, "provenance") == {"a": (1,)}
    with pytest.raises(TypeError, match="^provenance must be a dict, got list"):
        checked_json([1], "provenance")
    with pytest.raises(ValueError, match="^provenance must be JSON-able"):
        checked_json({"a": float("nan")}, "provenance")


def test_front_end_is_one_or_none():
    assert checked_front_end(None) is None
    with pytest.raises(TypeError, match="^front_end must be a FrontEnd or None, got 3"):
        checked_front_end(3)
    with pytest.raises((TypeError, ValueError), match="^front_end has a wrong field"):
        checked_front_end({"nothing": 1})
