"""All sources cut trials in one way, and give recordings, from whatever class they are called."""

import inspect

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Recording, Response
from ipvae_brian.recordings.cutting import Cut

CUTTING = ("from_tables", "from_csv", "from_nwb", "from_neo", "from_pynapple")
COUNTS = np.arange(24).reshape(2, 3, 4)


@pytest.mark.parametrize("name", CUTTING)
def test_options_of_cutting_are_the_same_everywhere(name):
    wanted = inspect.signature(Cut.checked).parameters
    found = inspect.signature(getattr(Recording, name)).parameters
    for option, parameter in wanted.items():
        assert found[option].default == parameter.default, option
        assert found[option].kind is inspect.Parameter.KEYWORD_ONLY
    assert list(found)[-len(wanted) :] == list(wanted)


def test_of_a_response_too_they_give_recordings(tmp_path):
    found = Response.from_counts(COUNTS, {"contrast": [0.1, 0.3, 1.0]}, 500 * ms)
    assert type(found) is Recording
    with pytest.raises(ValueError, match="read-only"):
        found.counts[0] = 1


def test_what_is_given_is_not_shared():
    counts, contrast = COUNTS.copy(), np.array([0.1, 0.3, 1.0])
    found = Recording.from_counts(counts, {"contrast": contrast}, 500 * ms)
    counts[:] = 0
    contrast[:] = 0
    np.testing.assert_array_equal(found.counts[:, 0, 1], np.arange(12, 24))
    assert list(found.conditions["contrast"][::4]) == [0.1, 0.3, 1.0]
