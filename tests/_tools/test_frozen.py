"""Arrays and dicts that nobody can change, nor copies of them."""

import copy
import json
import math
import pickle

import numpy as np
import pytest

from ipvae_brian._tools.frozen import FrozenDict, freeze, frozen, frozen_json, restore_frozen

COPIES = [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]


class Holder:
    """An object that has its arrays read-only again when it is copied."""

    def __init__(self):
        self.array = freeze(np.arange(3))
        self.pair = (freeze(np.zeros(2)), "text")
        self.named = FrozenDict(column=freeze(np.ones(2)))

    def __setstate__(self, state):
        restore_frozen(self, state)


def test_a_view_is_read_only_and_its_base_is_not():
    base = np.arange(3)
    view = frozen(base)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    base[0] = 5
    assert view[0] == 5


def test_freeze_is_of_the_array_itself():
    array = np.arange(3)
    assert freeze(array) is array
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


@pytest.mark.parametrize("copied", COPIES)
def test_copies_are_as_frozen(copied):
    held = copied(Holder())
    for array in (held.array, held.pair[0], held.named["column"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7
    with pytest.raises(TypeError, match="read-only"):
        held.named["column"] = 1


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.__setitem__("a", 2),
        lambda d: d.__delitem__("a"),
        lambda d: d.__ior__({"b": 1}),
        lambda d: d.clear(),
        lambda d: d.pop("a"),
        lambda d: d.popitem(),
        lambda d: d.setdefault("b", 1),
        lambda d: d.update(b=1),
    ],
)
def test_a_dict_refuses_every_change(change):
    kept = FrozenDict(a=1)
    with pytest.raises(TypeError, match="read-only"):
        change(kept)
    assert kept == {"a": 1}
    taken = dict(kept)
    taken["a"] = 2
    assert kept == {"a": 1}


@pytest.mark.parametrize("copied", COPIES)
def test_a_copied_dict_is_frozen(copied):
    kept = copied(FrozenDict(a=FrozenDict(b=1)))
    assert type(kept) is FrozenDict and type(kept["a"]) is FrozenDict and kept == {"a": {"b": 1}}


def test_json_is_frozen_to_the_bottom():
    given = {"a": [1, {"b": None}], "c": "text"}
    kept = frozen_json(given)
    given["a"][1]["b"] = 2
    assert kept == {"a": (1, {"b": None}), "c": "text"}
    with pytest.raises(TypeError):
        kept["a"][1]["b"] = 2
    assert json.loads(json.dumps(kept)) == {"a": [1, {"b": None}], "c": "text"}


@pytest.mark.parametrize("value", [{"a": {1, 2}}, {"a": np.ones(2)}])
def test_what_is_not_json_is_refused(value):
    with pytest.raises(TypeError):
        frozen_json(value)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_has_no_nan(value):
    with pytest.raises(ValueError, match="JSON"):
        frozen_json({"a": [value]})
