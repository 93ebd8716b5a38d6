"""Types of arguments that checkers cannot infer by themselves."""

from typing import Any, TypeAlias

from brian2.only import Quantity
from numpy.typing import NDArray

# Brian2 ships no types: a checker takes `10 * ms` for an array, and refuses it where only a
# Quantity is asked for. Plain numbers are still refused, and units are checked at run time.
Time: TypeAlias = Quantity | NDArray[Any]
