"""Which neurons a spike inhibits: all, only the one that fired it, or none.

"self" and "off" are controls. With "self" each neuron codes the stimulus as if it were alone, which
is what remains without competition. With "off" nothing holds rates back but the leak.
"""

import numpy as np
from numpy.typing import NDArray

LATERAL = ("all", "self", "off")


def within_reach(weights: NDArray, lateral: str) -> NDArray:
    """Return lateral weights with those set to zero that are beyond the reach of a spike.

    Parameters
    ----------
    weights : numpy.ndarray, shape (n_neurons, n_neurons)
    lateral : {"all", "self", "off"}

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.network.lateral import within_reach
    >>> within_reach(np.array([[2.0, 1.0], [1.0, 3.0]]), "self")
    array([[2., 0.],
           [0., 3.]])
    """
    if lateral == "all":
        return weights
    return np.diag(np.diag(weights)) if lateral == "self" else np.zeros_like(weights)
