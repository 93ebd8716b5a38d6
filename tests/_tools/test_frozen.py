"""What is frozen stays frozen, however it is copied."""

import copy
import json
import pickle

import numpy as np
import pytest

from ipvae_brian._tools.frozen import FrozenDict, frozen, frozen_json

COPIES = [lambda d: d, copy.copy, copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))]
CHANGES = [
    lambda d: d.__setitem__("a", 1),
    lambda d: d.__delitem__("a"),
    lambda d: d.update(a=1),
    lambda d: d.pop("a"),
    lambda d: d.popitem(),
    lambda d: d.clear(),
    lambda d: d.setdefault("b", 1),
    lambda d: d.__ior__({"b": 1}),
]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("change", CHANGES)
def test_dict_and_the_dicts_in_it_refuse_changes(copied, change):
    value = copied(frozen_json({"a": {"a": 2}, "c": [1, {"a": 3}]}))
    for part in (value, value["a"], value["c"][1]):
        with pytest.raises(TypeError, match="read-only"):
            change(part)
    assert value == {"a": {"a": 2}, "c": (1, {"a": 3})}


def test_it_is_a_dict_for_all_that_read_it():
    value = frozen_json({"a": [1, 2]})
    assert json.loads(json.dumps(value)) == {"a": [1, 2]}
    assert type(value | {"b": 1}) is dict and type(dict(value)) is dict
    assert isinstance(value, FrozenDict)


def test_what_json_cannot_hold_is_refused():
    for value in ({"a": float("nan")}, {"a": object()}):
        with pytest.raises((TypeError, ValueError)):
            frozen_json(value)


def test_view_is_read_only_and_the_array_is_not():
    array = np.zeros(3)
    view = frozen(array)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    array[0] = 1
