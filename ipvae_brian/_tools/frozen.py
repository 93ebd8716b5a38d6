"""Arrays and dicts that cannot be changed in place."""

import json

import numpy as np


def frozen(array):
    """Return a read-only view of an array."""
    view = array.view()
    view.flags.writeable = False
    return view


def freeze(array):
    """Make an array itself read-only, and return it."""
    array.flags.writeable = False
    return array


def restore_frozen(instance, state):
    """Give a copied or unpickled object its attributes, with the arrays read-only again.

    For ``__setstate__``: NumPy's copies and pickles can be written to, whatever they are made of.
    """
    for value in state.values():
        parts = value.values() if isinstance(value, dict) else value
        for part in parts if isinstance(value, dict | tuple) else [value]:
            if isinstance(part, np.ndarray):
                freeze(part)
    instance.__dict__.update(state)


class FrozenDict(dict):
    """A dict that refuses changes; ``dict(...)`` of it is one that takes them."""

    def __reduce__(self):
        """Make copies and pickles as frozen, which the usual way would fill item by item."""
        return FrozenDict, (dict(self),)


def _refuse(self, *_, **__):
    raise TypeError("this dict is read-only: change a copy, dict(...), and put that in")


_CHANGES = "__setitem__ __delitem__ __ior__ clear pop popitem setdefault update"
for _name in _CHANGES.split():
    setattr(FrozenDict, _name, _refuse)


def frozen_json(value):
    """Return a copy of a JSON-able value of which no part can be changed.

    Raises
    ------
    TypeError, ValueError
        If it is not JSON-able, or holds NaN or infinity.
    """
    return _frozen(json.loads(json.dumps(value, allow_nan=False)))


def _frozen(value):
    if isinstance(value, dict):
        return FrozenDict({k: _frozen(v) for k, v in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
