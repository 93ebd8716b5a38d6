"""Every check names the argument and says what was expected and what came."""

import numpy as np
import pytest
from brian2.only import Hz, Quantity, ms, mV, second
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from ipvae_brian._tools import checks
from ipvae_brian._tools.checks import finite_array, known_name, number, seconds, whole_number


@pytest.mark.parametrize(
    ("value", "options", "words"),
    [
        ([[1.0, 2], [3]], {}, "rectangular"),
        ([], {}, "empty"),
        (np.zeros((0, 3)), {}, r"empty \(shape \(0, 3\)\)"),
        ([1.0, np.nan, np.inf], {}, "2 NaN or infinite value.*of 3"),
        (1.0, {"ndim": 2}, "2 dimension.*got 0"),
        ([1.0], {"ndim": (2, 3)}, "2 or 3 dimension"),
        (np.ones((2, 3)), {"shape": (None, 4)}, r"\(any, 4\), got \(2, 3\)"),
        (np.ones(3), {"shape": (3, 1)}, r"\(3, 1\), got \(3,\)"),
    ],
)
def test_finite_array_refuses_wrong_values(value, options, words):
    with pytest.raises(ValueError, match=f"^the_name .*{words}"):
        finite_array(value, "the_name", **options)


@pytest.mark.parametrize("value", ["abc", [1j], [None, 1], [{}], np.array("2020", "M8[Y]")])
def test_finite_array_refuses_what_is_no_real_number(value):
    with pytest.raises(TypeError, match="^the_name must hold real numbers"):
        finite_array(value, "the_name")


def test_finite_array_converts():
    for value in ([1, 2], (True, False), np.array([1, 2], np.uint8), np.float16([0.5, 1])):
        array = finite_array(value, "x")
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, np.asarray(value, float))
    assert finite_array([1], "x", dtype=np.float32).dtype == np.float32
    same = np.ones((2, 2))
    assert finite_array(same, "x", ndim=2, shape=(2, None)) is same


@pytest.mark.parametrize("value", [0.02, 20, "20 ms", None, 3 * mV, 5 * Hz, Quantity(3.0)])
def test_seconds_need_a_time(value):
    with pytest.raises(TypeError, match="^the_name must be a time"):
        seconds(value, "the_name")


@pytest.mark.parametrize("value", [-1 * ms, 0 * ms, np.inf * second, np.nan * second])
def test_seconds_are_positive_and_finite(value):
    with pytest.raises(ValueError, match="^the_name must be positive and finite"):
        seconds(value, "the_name")


def test_seconds():
    assert seconds(20 * ms, "x") == pytest.approx(0.02, rel=1e-15)
    assert seconds(0 * ms, "x", allow_zero=True) == 0
    with pytest.raises(ValueError, match="^the_name must be zero or positive"):
        seconds(-1 * ms, "the_name", allow_zero=True)
    with pytest.raises(ValueError, match=r"^the_name must be one time, got shape \(2,\)"):
        seconds([1, 2] * ms, "the_name")


@pytest.mark.parametrize("value", ["1", None, True, 1j, [1.0], np.ones(1), 5 * ms])
def test_number_refuses_other_types(value):
    with pytest.raises(TypeError, match="^the_name must be a number"):
        number(value, "the_name")


@pytest.mark.parametrize(
    ("value", "bounds", "words"),
    [
        (np.nan, {}, "finite"),
        (np.inf, {"minimum": 0}, ">= 0"),
        (np.nan, {"minimum": 0, "below": 1}, ">= 0 and < 1"),
        (-0.1, {"minimum": 0}, ">= 0"),
        (0, {"above": 0}, "> 0"),
        (1.1, {"maximum": 1}, "<= 1"),
        (1, {"below": 1}, "< 1"),
    ],
)
def test_number_keeps_bounds(value, bounds, words):
    with pytest.raises(ValueError, match=f"^the_name must be {words}, got"):
        number(value, "the_name", **bounds)


def test_number_takes_every_kind_of_real_number():
    bounds = {"minimum": 1.5, "maximum": 1.5}
    for value in (1.5, np.float32(1.5), np.array(1.5), Quantity(1.5)):
        result = number(value, "x", **bounds)
        assert result == 1.5
        assert type(result) is float
    assert type(number(np.int8(3), "x")) is float


@given(st.floats(-2, 3), st.floats(-1, 0), st.floats(1, 2))
def test_number_is_accepted_exactly_within_the_bounds(value, low, high):
    def accepted(**bounds):
        try:
            return number(value, "x", **bounds) == value
        except ValueError:
            return False

    assert accepted(minimum=low, maximum=high) == (low <= value <= high)
    assert accepted(above=low, below=high) == (low < value < high)


def test_whole_number():
    for value in (3, np.int64(3), np.uint8(3)):
        assert type(whole_number(value, "x")) is int
        assert whole_number(value, "x", minimum=3) == 3
    for value in (3.0, "3", None, True, [3]):
        with pytest.raises(TypeError, match="^the_name must be a whole number"):
            whole_number(value, "the_name")
    with pytest.raises(ValueError, match="^the_name must be at least 1, got 0"):
        whole_number(0, "the_name")
    with pytest.raises(ValueError, match="^the_name must be at least 0, got -1"):
        whole_number(-1, "the_name", minimum=0)


def test_known_name_suggests_the_nearest():
    known = ("synapses", "error_units")
    assert known_name("error_units", "pathway", known) == "error_units"
    with pytest.raises(ValueError, match="^pathway must be one of.*'synapses'.*mean 'synapses'"):
        known_name("synapse", "pathway", known)
    with pytest.raises(ValueError, match="'xyz'$"):
        known_name("xyz", "pathway", known)
    with pytest.raises(ValueError, match="^pathway must be one of"):
        known_name(None, "pathway", known)


# Wrappers whose meaning would be lost


class WithUnits(np.ndarray):
    """As the quantities of astropy, pint, and neo, which NumPy takes for plain numbers."""

    units = "mV"


class Tensor:
    """As torch's, of which NumPy says only that it cannot."""

    requires_grad = True

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def masked():
    return np.ma.masked_greater(np.arange(6.0).reshape(2, 3), 4)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (masked(), "x has 1 masked value"),
        ([masked(), masked()], "x has 1 masked value"),
        (([1.0, 2.0], [1.0, np.ma.masked]), "x has 1 masked value"),
        ([1.0, 3 * mV], "x must hold numbers without units, got 3. mV"),
        ([[1 * mV, 2 * mV]], "x must hold numbers without units, got 1. mV"),
        (np.ones(3).view(WithUnits), "x must hold numbers without units, got mV"),
        ([np.ones(3).view(WithUnits)], "x must hold numbers without units, got mV"),
        (Tensor(), r"x is a tensor that requires grad: give x.detach\(\)"),
        (csr_array(np.eye(3)), r"x is sparse: give x.toarray\(\)"),
        ([csr_array(np.eye(3))], r"x is sparse: give x.toarray\(\)"),
        (np.array([1, "a"], dtype=object), "x must hold real numbers, got dtype object"),
        (np.array([1 + 2j]), "x must hold real numbers, got dtype complex"),
        (np.array(["2020-01-01"], "M8[D]"), "x must hold real numbers, got dtype datetime"),
        (np.zeros(3, [("a", float)]), "x must hold real numbers, got dtype"),
    ],
)
def test_what_a_plain_array_would_lose_is_refused(value, words):
    with pytest.raises(TypeError, match=words):
        finite_array(value, "x")


def test_wrappers_that_lose_nothing():
    plain = np.arange(6.0).reshape(2, 3)
    harmless = WithUnits((2, 3))
    harmless[:] = plain
    harmless.units = "dimensionless"
    for value in (
        np.ma.array(plain),
        plain.tolist(),
        Quantity(plain),
        harmless,
        [plain[0], plain[1]],
    ):
        np.testing.assert_array_equal(finite_array(value, "x"), plain)


def test_a_column_called_unit_is_not_a_unit():
    class Table:
        columns, unit = ["unit", "count"], [1.0, 2.0]

        def __array__(self, dtype=None, copy=None):
            return np.array([[1.0, 5.0], [2.0, 6.0]])

    np.testing.assert_array_equal(finite_array(Table(), "x"), [[1, 5], [2, 6]])


def test_flags():
    assert checks.flag(np.True_, "x") is True
    for value in (1, 0.0, "yes", None):
        with pytest.raises(TypeError, match="x must be True or False, got"):
            checks.flag(value, "x")
