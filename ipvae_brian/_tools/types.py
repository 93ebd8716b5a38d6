"""Types of arguments, used in annotations."""

from typing import Any, TypeAlias

from brian2.only import Quantity
from numpy.typing import NDArray

# A time such as ``10 * ms``. Brian2 does not say what a product with a unit is, so a type checker
# takes it for an array.
Time: TypeAlias = Quantity | NDArray[Any]
# One such as ``2 * Hz``, or several.
Frequency: TypeAlias = Quantity | NDArray[Any]
