"""Checks of arguments. Every error names the argument, what was expected and what was given."""

import difflib
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from brian2.only import Quantity, get_dimensions, second
from numpy.typing import DTypeLike, NDArray


def finite_array(
    value: Any,
    name: str,
    *,
    ndim: int | tuple[int, ...] | None = None,
    shape: tuple[int | None, ...] | None = None,
    dtype: DTypeLike = np.float64,
) -> NDArray[Any]:
    """Return `value` as an array of finite numbers.

    Parameters
    ----------
    value : array_like
        What the user gave.
    name : str
        The argument's name, for the error.
    ndim : int or tuple of int, optional
        Allowed numbers of dimensions.
    shape : tuple, optional
        Wanted shape; None stands for any length.
    dtype : numpy dtype, default float64

    Raises
    ------
    TypeError
        If `value` does not hold real numbers.
    ValueError
        If it is empty, has another rank or shape, or holds NaN or infinity.
    """
    refuse_wrappers(value, name)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of numbers: {error}") from None
    except (TypeError, RuntimeError) as error:  # such as a tensor on another device
        raise TypeError(f"{name} cannot be made an array: {error}") from None
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape})")
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if allowed is not None and array.ndim not in allowed:
        wanted = " or ".join(str(n) for n in allowed)
        raise ValueError(
            f"{name} must have {wanted} dimension(s), got {array.ndim} (shape {array.shape})"
        )
    if shape is not None and (
        array.ndim != len(shape)
        or any(w is not None and w != g for w, g in zip(shape, array.shape, strict=True))
    ):
        wanted = ", ".join("any" if w is None else str(w) for w in shape)
        raise ValueError(f"{name} must have shape ({wanted}), got {array.shape}")
    array = array.astype(dtype, copy=False)
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(
            f"{name} must be finite, got {int((~finite).sum())} NaN or infinite value(s) "
            f"of {array.size}"
        )
    return array


def refuse_wrappers(value: Any, name: str) -> None:
    """Refuse arrays with a meaning that would be lost without a word in a plain array.

    Raises
    ------
    TypeError
        If `value`, or something in a list or tuple of them, has masked values, units, gradients
        to be kept, or is sparse; the message names the argument and what to give instead.
    """
    if isinstance(value, list | tuple):
        for part in value:
            if not isinstance(part, int | float):
                refuse_wrappers(part, name)
    elif np.ma.is_masked(value):
        raise TypeError(
            f"{name} has {np.ma.count_masked(value)} masked value(s), which would be taken for "
            "numbers: fill them, or leave these stimuli out"
        )
    elif isinstance(value, Quantity):
        if not get_dimensions(value).is_dimensionless:
            raise TypeError(f"{name} must hold numbers without units, got {value!s}")
    elif other_units(value) not in ("", "dimensionless"):
        raise TypeError(f"{name} must hold numbers without units, got {other_units(value)}")
    elif getattr(value, "requires_grad", False):
        raise TypeError(f"{name} is a tensor that requires grad: give {name}.detach()")
    elif hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise TypeError(f"{name} is sparse: give {name}.toarray()")


def other_units(value: Any) -> str:
    """Return units of other packages' quantities (astropy, pint, quantities and neo), as a text."""
    if hasattr(value, "columns"):  # a table, of which "unit" may be a column
        return ""
    units = getattr(value, "units", getattr(value, "unit", None))
    return "" if units is None or callable(units) else str(units).removeprefix("1.0 ").strip()


def seconds(value: Any, name: str, *, allow_zero: bool = False) -> float:
    """Return a time argument, a Brian2 quantity such as ``500*ms``, as plain seconds.

    Raises
    ------
    TypeError
        If `value` has no units or those of something else than a time.
    ValueError
        If it is not a single, finite, positive time.
    """
    if not isinstance(value, Quantity):
        raise TypeError(f"{name} must be a time with units, such as 500*ms, got {value!r}")
    if get_dimensions(value) != get_dimensions(second):
        raise TypeError(f"{name} must be a time, such as 500*ms, got {value!s}")
    if np.ndim(value) != 0:
        raise ValueError(f"{name} must be one time, got shape {np.shape(value)}")
    number = float(value / second)
    if not np.isfinite(number) or number < 0 or (number == 0 and not allow_zero):
        wanted = "zero or positive" if allow_zero else "positive"
        raise ValueError(f"{name} must be {wanted} and finite, got {value!s}")
    return number


def number(
    value: Any,
    name: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> float:
    """Return one finite real number within the bounds; `above` and `below` exclude themselves."""
    if isinstance(value, Quantity) and get_dimensions(value).is_dimensionless:
        value = float(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        value = float(value)
    except OverflowError:
        raise ValueError(f"{name} must be finite, got a whole number above 1e308") from None
    bounds = []
    if minimum is not None:
        bounds.append((value >= minimum, f">= {minimum:g}"))
    if above is not None:
        bounds.append((value > above, f"> {above:g}"))
    if maximum is not None:
        bounds.append((value <= maximum, f"<= {maximum:g}"))
    if below is not None:
        bounds.append((value < below, f"< {below:g}"))
    if not np.isfinite(value) or not all(ok for ok, _ in bounds):
        wanted = " and ".join(text for _, text in bounds) or "finite"
        raise ValueError(f"{name} must be {wanted}, got {value:g}")
    return value


def whole_number(value: Any, name: str, *, minimum: float = 1) -> int:
    """Return one integer that is at least `minimum`, if that is not None."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if minimum is not None and value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def flag(value: Any, name: str) -> bool:
    """Return True or False; nothing else is taken for one of them."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def index(value: Any, name: str, n: int, things: str, *, from_end: bool = False) -> int:
    """Return the place of one of `n` things.

    Parameters
    ----------
    value : int
        What the user gave.
    name : str
        The argument's name, for the error.
    n : int
        How many there are.
    things : str
        What they are, for the error.
    from_end : bool, default False
        Whether negative numbers count from the end, as in lists.

    Raises
    ------
    TypeError
        If `value` is not a whole number.
    ValueError
        If there is no such thing.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    lowest = -n if from_end else 0
    place = int(value)
    if not lowest <= place < n:
        wanted = f"{lowest} to {n - 1}" if n else "nothing"
        raise ValueError(f"{name} must be within the {n} {things} ({wanted}), got {value}")
    return place % n


def chosen(value: Any, name: str, n: int, things: str) -> NDArray[np.integer]:
    """Return places of some of `n` things, an array of int with at least one.

    Parameters
    ----------
    value : slice, array_like of int or of bool
        What the user gave; a mask needs an entry for each.
    name, n, things
        As for `index`.

    Raises
    ------
    TypeError
        If `value` is none of these.
    ValueError
        If there is no such thing, or none is chosen.
    """
    if isinstance(value, slice):
        places = np.arange(n)[value]
    else:
        places = np.asarray(value)
        if places.ndim != 1 or (places.size and places.dtype.kind not in "biu"):
            raise TypeError(f"{name} must be a slice or a list of whole numbers, got {value!r}")
        if places.dtype.kind == "b":
            if len(places) != n:
                raise ValueError(f"{name} must be a mask of the {n} {things}, got {len(places)}")
            places = np.flatnonzero(places)
    if not places.size:
        raise ValueError(f"{name} is empty: none of the {n} {things} is chosen")
    index(int(places.min()), name, n, things)
    index(int(places.max()), name, n, things)
    return places


def known_name(value: Any, name: str, known: Sequence[str]) -> str:
    """Return `value` if it is among the `known` names; otherwise suggest the nearest."""
    if value in known:
        return value
    close = difflib.get_close_matches(str(value), known, n=1, cutoff=0.4)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, got {value!r}{hint}")
