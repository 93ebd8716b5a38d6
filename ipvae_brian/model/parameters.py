"""The parameters of a network: one frozen, validated class, saved as .npz without pickle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from brian2.only import Quantity, ms, second
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ipvae_brian._tools.checks import finite_array, known_name, number, seconds
from ipvae_brian._tools.files import format_errors, read_arrays, write_arrays
from ipvae_brian._tools.frozen import freeze, restore_frozen
from ipvae_brian._tools.html import table
from ipvae_brian._tools.types import Time
from ipvae_brian.errors import FileFormatError
from ipvae_brian.model.fields import checked_front_end, checked_json, checked_shape
from ipvae_brian.model.published import published_fields
from ipvae_brian.model.summary import facts, picture
from ipvae_brian.stimuli.front_end import FrontEnd

FORMAT = "ipvae_brian model"
FORMAT_VERSION = 2  # 1 had no checksum and no adaptive prior
WITH_PIXEL_NOISE = 3  # what older releases would not know to be there
# Counts in a window of tau are int32: exp(20) is a quarter of what they hold.
LARGEST_POTENTIAL = 20.0
PER_NEURON = ("threshold", "resting_potential", "natural_gradient_step")
SCALARS = (
    "leak",
    "half_threshold_rate",
    "threshold_memory",
    "noise_variance",
    "lowest_potential",
    "highest_potential",
    "stimulus_mean",
    "stimulus_scale",
)
# Files of version 1 do not have these: their thresholds are constant.
NEW_IN_VERSION_2 = {"half_threshold_rate", "threshold_memory"}


def _default(value: Any) -> Any:
    """Return a default that becomes an array, a quantity or a tuple when it is checked."""
    return field(default_factory=lambda: value)


@dataclass(frozen=True, eq=False, kw_only=True)
class Parameters:
    """Everything that a network needs to infer: weights, membrane constants and their origin.

    Membrane potentials are natural logarithms of the firing rate in expected spikes per `tau`,
    so they and all other values but `tau` have no units.

    Parameters
    ----------
    dictionary : array_like, shape (n_pixels, n_neurons)
        Decoder weights Phi; column j is what one spike of neuron j adds to the reconstruction.
    threshold : float or array_like, shape (n_neurons,), default 0
        What the feedforward drive must exceed to depolarise a neuron (b).
    resting_potential : float or array_like, shape (n_neurons,), default -2
        Where every inference starts and the leak pulls to; its exponential is the prior rate.
    natural_gradient_step : float or array_like, shape (n_neurons,), default 1
        Step of the natural gradient descent per `tau` (eta).
    leak : float, default 0
        Pull towards the resting potential per `tau`; 0 is online inference.
    half_threshold_rate : float, optional
        Recent rate of a neuron, in its own spikes per `tau`, at which its threshold has fallen to
        half: the adaptive prior. Without it thresholds are constant.
    threshold_memory : float, default 1
        Over how long spikes count as recent: the time constant of an exponential filter, in
        units of `tau`. It plays no part while thresholds are constant.
    noise_variance : float, default 1
        Variance of the Gaussian likelihood (sigma2); prediction errors are divided by it.
    pixel_noise : array_like, shape (n_pixels,), optional
        Standard deviation of each pixel's noise, in units of sigma. Without it all pixels are
        equally reliable; otherwise the drive is Phi^T (x / pixel_noise^2) / sigma2, and lateral
        weights likewise.
    tau : Quantity, default 20*ms
        Membrane time constant; one discrete update of the paper is one `tau`.
    stimulus_shape : tuple of int, optional
        Rows and columns of the stimulus; (n_pixels,) where it is not an image.
    stimulus_mean, stimulus_scale : float, default 0 and 1
        What `standardise` subtracts from and divides stimuli in their own units by. Networks do
        not apply them: they take stimuli as standardised.
    whitening : dict, optional
        How stimuli were whitened before training, as in `ipvae_brian.stimuli.Whitening`.
    front_end : FrontEnd or dict, optional
        What turns light into stimuli such as those of training, in their own units, so that
        contrast counts; a dict is taken as from `FrontEnd.to_dict`.
    provenance : dict, optional
        Where the weights come from: command, data, seed, figures. Has to be JSON-able.
    lowest_potential, highest_potential : float, default -8 and 6
        Potentials are kept within these bounds, of which the higher one is at most 20: five
        hundred million spikes per tau, the most that counts can hold.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or range; the message names it.

    References
    ----------
    Vafaii, Galor & Yates 2025, "Brain-like variational inference", arXiv 2410.19315.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from ipvae_brian import Parameters
    >>> model = Parameters(dictionary=0.5 * np.eye(4, 3), threshold=0.1, stimulus_shape=(2, 2))
    >>> model
    <Parameters 3 neurons, 4 pixels (2, 2), tau 20. ms>
    >>> model.drive([1, 0, 2, 0])
    array([0.5, 0. , 1. ])
    >>> model.decode([2, 0, 4])
    array([1., 0., 2., 0.])
    >>> model.replace(tau=100 * ms).tau
    100. * msecond
    """

    dictionary: NDArray[np.floating]
    threshold: NDArray[np.floating] = _default(0.0)
    resting_potential: NDArray[np.floating] = _default(-2.0)
    natural_gradient_step: NDArray[np.floating] = _default(1.0)
    leak: float = 0.0
    half_threshold_rate: float | None = None
    threshold_memory: float = 1.0
    noise_variance: float = 1.0
    pixel_noise: NDArray[np.floating] | None = None
    tau: Quantity = _default(20 * ms)
    stimulus_shape: tuple[int, ...] = _default(None)
    stimulus_mean: float = 0.0
    stimulus_scale: float = 1.0
    whitening: Mapping[str, Any] | None = None
    front_end: FrontEnd | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    lowest_potential: float = -8.0
    highest_potential: float = 6.0

    if TYPE_CHECKING:
        # What may be given, where it is not what is kept.
        def __init__(
            self,
            *,
            dictionary: ArrayLike,
            threshold: ArrayLike = 0.0,
            resting_potential: ArrayLike = -2.0,
            natural_gradient_step: ArrayLike = 1.0,
            leak: float = 0.0,
            half_threshold_rate: float | None = None,
            threshold_memory: float = 1.0,
            noise_variance: float = 1.0,
            pixel_noise: ArrayLike | None = None,
            tau: Time = ...,
            stimulus_shape: Sequence[int] | None = None,
            stimulus_mean: float = 0.0,
            stimulus_scale: float = 1.0,
            whitening: Mapping[str, Any] | None = None,
            front_end: FrontEnd | None = None,
            provenance: Mapping[str, Any] = ...,
            lowest_potential: float = -8.0,
            highest_potential: float = 6.0,
        ) -> None: ...

    def __post_init__(self) -> None:
        def store(name, value):
            if isinstance(value, np.ndarray):
                value = freeze(value.copy())
            object.__setattr__(self, name, value)

        dictionary = finite_array(self.dictionary, "dictionary", ndim=2)
        store("dictionary", dictionary)
        n_pixels, n_neurons = dictionary.shape
        for name in PER_NEURON:
            value = finite_array(getattr(self, name), name, ndim=(0, 1))
            if value.ndim and value.shape != (n_neurons,):
                raise ValueError(
                    f"{name} must be one number or have shape ({n_neurons},), got {value.shape}"
                )
            store(name, np.broadcast_to(value, n_neurons))
        if (self.natural_gradient_step <= 0).any():
            raise ValueError("natural_gradient_step must be > 0 for every neuron")
        store("leak", number(self.leak, "leak", minimum=0))
        if self.half_threshold_rate is not None:
            half_rate = number(self.half_threshold_rate, "half_threshold_rate", above=0)
            store("half_threshold_rate", half_rate)
        store("threshold_memory", number(self.threshold_memory, "threshold_memory", above=0))
        store("noise_variance", number(self.noise_variance, "noise_variance", above=0))
        if self.pixel_noise is not None:
            noise = finite_array(self.pixel_noise, "pixel_noise", shape=(n_pixels,))
            if (noise <= 0).any():
                raise ValueError("pixel_noise must be > 0 for every pixel")
            store("pixel_noise", noise)
        store("tau", seconds(self.tau, "tau") * second)
        store("stimulus_mean", number(self.stimulus_mean, "stimulus_mean"))
        store("stimulus_scale", number(self.stimulus_scale, "stimulus_scale", above=0))
        lowest = number(self.lowest_potential, "lowest_potential")
        highest = number(
            self.highest_potential, "highest_potential", above=lowest, maximum=LARGEST_POTENTIAL
        )
        store("lowest_potential", lowest)
        store("highest_potential", highest)
        if (self.resting_potential < lowest).any() or (self.resting_potential > highest).any():
            raise ValueError(f"resting_potential must lie within [{lowest:g}, {highest:g}]")
        store("stimulus_shape", checked_shape(self.stimulus_shape, n_pixels))
        if self.whitening is not None:
            store("whitening", checked_json(self.whitening, "whitening"))
        store("provenance", checked_json(self.provenance, "provenance"))
        store("front_end", checked_front_end(self.front_end))

    def __setstate__(self, state):
        # Copies and pickles of read-only arrays are not read-only by themselves.
        restore_frozen(self, state)

    @classmethod
    def from_unit_dictionary(
        cls,
        dictionary: ArrayLike,
        *,
        spike_size: float,
        gain: float,
        sparsity: float,
        noise_penalty: float = 0.0,
        **others: Any,
    ) -> Parameters:
        """Return parameters in the form used in training: unit columns scaled to one spike size.

        Parameters
        ----------
        dictionary : array_like, shape (n_pixels, n_neurons)
            Columns of any length; they are scaled to `spike_size`.
        spike_size : float
            Length of every dictionary column, s: what one spike carries.
        gain : float
            kappa; the natural gradient step is gain / spike_size.
        sparsity : float
            lambda; adds lambda * |phi_j| to the threshold.
        noise_penalty : float, default 0
            Share of the exact gradient's noise term: adds noise_penalty * 0.5 * |phi_j|^2 / sigma2.
        **others
            Further arguments of `Parameters`.
        """
        spike_size = number(spike_size, "spike_size", above=0)
        gain = number(gain, "gain", above=0)
        sparsity = number(sparsity, "sparsity", minimum=0)
        noise_penalty = number(noise_penalty, "noise_penalty", minimum=0)
        dictionary = finite_array(dictionary, "dictionary", ndim=2)
        lengths = np.linalg.norm(dictionary, axis=0)
        if (lengths == 0).any():
            raise ValueError(f"dictionary has {int((lengths == 0).sum())} column(s) of zeros")
        variance = number(others.get("noise_variance", 1.0), "noise_variance", above=0)
        return cls(
            dictionary=dictionary * (spike_size / lengths),
            threshold=sparsity * spike_size + noise_penalty * 0.5 * spike_size**2 / variance,
            natural_gradient_step=gain / spike_size,
            **others,
        )

    @classmethod
    def from_published(
        cls, path: str | PathLike, *, averaged: bool = True, **others: Any
    ) -> Parameters:
        """Return the model in a checkpoint of the code that was published with the paper.

        One discrete update of that code is one time step of `tau`: present stimuli with
        ``SpikingNetwork(parameters, dt=parameters.tau)``. Stimuli are what that code takes.

        Parameters
        ----------
        path : path-like
            Checkpoint (.pt) of an iterative Poisson VAE with a linear decoder.
        averaged : bool, default True
            Whether to take the moving average of the weights, where the checkpoint has one.
        **others
            Further arguments of `Parameters`, such as `tau` or `stimulus_shape`.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FileFormatError
            If it is not such a checkpoint; the message names what is missing or wrong.
        ImportError
            If PyTorch is not installed.

        Notes
        -----
        Two soft clamps are left out: there potentials approach 10 smoothly, here they are cut off
        at 10, and there a single update approaches 10, here it is free. Potentials at 5 differ by
        7e-3, at 2 by 3e-4. Potentials that start below -8 start at -8 here, as after the first
        update there.

        References
        ----------
        Vafaii, Galor & Yates 2025, arXiv 2410.19315; github hadivafaii/IterativeVAE, class IPVAE.
        """
        return cls(**(published_fields(path, averaged) | others))

    @property
    def n_pixels(self) -> int:
        """Number of pixels of a stimulus, M."""
        return self.dictionary.shape[0]

    @property
    def n_neurons(self) -> int:
        """Number of neurons, K."""
        return self.dictionary.shape[1]

    @cached_property
    def spike_sizes(self) -> NDArray[np.floating]:
        """Lengths of the dictionary columns, with pixels in units of their noise, (n_neurons,)."""
        return freeze(np.linalg.norm(self.scaled_dictionary, axis=0))

    @cached_property
    def scaled_dictionary(self) -> NDArray[np.floating]:
        """The dictionary with every pixel in units of its noise, (n_pixels, n_neurons)."""
        if self.pixel_noise is None:
            return self.dictionary
        return freeze(self.dictionary / self.pixel_noise[:, None])

    def scaled(self, stimuli: NDArray) -> NDArray:
        """Return stimuli (..., n_pixels) with every pixel in units of its noise."""
        if self.pixel_noise is None:
            return stimuli
        return stimuli / self.pixel_noise.astype(stimuli.dtype, copy=False)

    @cached_property
    def lateral_weights(self) -> NDArray[np.floating]:
        """W = Phi^T Phi / sigma2, shape (n_neurons, n_neurons); the diagonal inhibits itself."""
        scaled = self.scaled_dictionary
        return freeze(scaled.T @ scaled / self.noise_variance)

    def standardise(self, stimuli: ArrayLike) -> NDArray[np.floating]:
        """Return stimuli in their own units as the networks take them."""
        return (np.asarray(stimuli) - self.stimulus_mean) / self.stimulus_scale

    def drive(self, stimuli: ArrayLike) -> NDArray[np.floating]:
        """Return the drive Phi^T x / sigma2 of stimuli (..., n_pixels), (..., n_neurons)."""
        scaled = self.scaled(np.asarray(stimuli))
        return scaled @ self.scaled_dictionary / self.noise_variance

    def decode(self, counts: ArrayLike, dtype: DTypeLike | None = None) -> NDArray[np.floating]:
        """Return reconstructions Phi z of stimuli from counts.

        Parameters
        ----------
        counts : array_like, shape (..., n_neurons)
            Spikes, or expected spikes, per tau.
        dtype : dtype, optional
            Precision of the product, where single will do; by default that of the dictionary.

        Returns
        -------
        numpy.ndarray, shape (..., n_pixels)
        """
        if dtype is None:
            return np.asarray(counts) @ self.dictionary.T
        return np.asarray(counts).astype(dtype) @ self.dictionary.T.astype(dtype)

    def replace(self, **changes: Any) -> Parameters:
        """Return the same parameters but for these.

        Parameters
        ----------
        **changes
            Arguments of `Parameters`.

        Raises
        ------
        TypeError, ValueError
            As for `Parameters`.
        """
        for name in changes:
            known_name(name, "replace: parameter", [f.name for f in fields(self)])
        return replace(self, **changes)

    def with_gain(self, gain: float) -> Parameters:
        """Return the same model with another gain kappa: natural gradient step times spike size.

        The step that `with_noise_variance` has folded sigma2 into is undone first.

        Parameters
        ----------
        gain : float
            Smaller values make potentials slower, rates lower and larger time steps stable.
        """
        gain = number(gain, "gain", above=0)
        return self.replace(natural_gradient_step=gain * self.noise_variance / self.spike_sizes)

    def with_settings(
        self, *, spike_size: float, gain: float, sparsity: float, **others: Any
    ) -> Parameters:
        """Return the same dictionary and noise variance, used with other settings.

        Parameters
        ----------
        spike_size, gain, sparsity
            As for `from_unit_dictionary`.
        **others
            Further arguments of `Parameters`, such as `half_threshold_rate`.

        Returns
        -------
        parameters : Parameters

        Examples
        --------
        >>> from ipvae_brian import load_model
        >>> model = load_model("photographs-512")
        >>> small = model.with_settings(spike_size=0.2, gain=12, sparsity=0.3)
        >>> small.spike_sizes.mean().round(3)
        np.float64(0.2)
        """
        # At a noise variance of 1, and then told of the one that was measured.
        unit = self.from_unit_dictionary(
            self.scaled_dictionary, spike_size=spike_size, gain=gain, sparsity=sparsity
        )
        told = unit.with_noise_variance(self.noise_variance)
        new = {name: getattr(told, name) for name in ("dictionary", *PER_NEURON)}
        del new["resting_potential"]
        if self.pixel_noise is not None:
            new["dictionary"] = new["dictionary"] * self.pixel_noise[:, None]
        return self.replace(**(new | others))

    def with_noise_variance(self, noise_variance: float) -> Parameters:
        """Return the same dynamics told with another noise variance.

        Steps are multiplied and thresholds divided by the ratio of the variances, so that
        membrane potentials do exactly what they did; only the free energy is weighed anew.
        """
        noise_variance = number(noise_variance, "noise_variance", above=0)
        ratio = noise_variance / self.noise_variance
        return replace(
            self,
            noise_variance=noise_variance,
            natural_gradient_step=self.natural_gradient_step * ratio,
            threshold=self.threshold / ratio,
        )

    def to_arrays(self) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Return arrays and JSON-able metadata that `from_arrays` makes the same parameters of."""
        arrays = {name: getattr(self, name) for name in ("dictionary", *PER_NEURON)}
        if self.pixel_noise is not None:
            arrays["pixel_noise"] = self.pixel_noise
        metadata = {name: getattr(self, name) for name in SCALARS}
        metadata |= {
            "tau_seconds": float(self.tau / second),
            "stimulus_shape": list(self.stimulus_shape),
            "whitening": self.whitening,
            "front_end": None if self.front_end is None else self.front_end.to_dict(),
            "provenance": self.provenance,
        }
        return arrays, metadata

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray], metadata: Mapping[str, Any], path: str | PathLike
    ) -> Parameters:
        """Return the parameters that `to_arrays` described; `path` is for the error.

        Raises
        ------
        FileFormatError
            If a field is missing or not valid; the message names the file and the field.
        """
        known = {f.name for f in fields(cls)}
        with format_errors(path):
            values = {k: v for k, v in {**arrays, **metadata}.items() if k in known}
            # Models from before there were front ends have none; pixel noise is optional.
            needed = known - {"tau", "front_end", "pixel_noise"} | {"tau_seconds"}
            if not NEW_IN_VERSION_2 & set(metadata):
                needed -= NEW_IN_VERSION_2
            missing = sorted(needed - set(arrays) - set(metadata))
            if missing:
                raise FileFormatError(f"{path}: field {missing[0]!r} is missing")
            values["tau"] = number(metadata["tau_seconds"], "tau_seconds", above=0) * second
            return cls(**values)

    def save(self, path: str | PathLike) -> None:
        """Write the parameters to `path` (.npz, no pickle); an old file survives any failure."""
        arrays, metadata = self.to_arrays()
        version = FORMAT_VERSION if self.pixel_noise is None else WITH_PIXEL_NOISE
        write_arrays(path, arrays, {"format": FORMAT, "format_version": version} | metadata)

    @classmethod
    def load(cls, path: str | PathLike) -> Parameters:
        """Read parameters from `path`.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FileFormatError
            If the file is truncated, corrupted, foreign, newer or has non-finite or mismatched
            fields; the message names the file and the field.
        """
        arrays, metadata = read_arrays(path, format_name=FORMAT, newest_version=WITH_PIXEL_NOISE)
        return cls.from_arrays(arrays, metadata, path)

    def _repr_html_(self) -> str:
        title = f"Parameters {self.provenance.get('name', '')}"
        return table(title, facts(self), picture(self))

    def __repr__(self):
        origin = self.provenance.get("name")
        name = f"{origin}: " if origin else ""
        return (
            f"<Parameters {name}{self.n_neurons} neurons, {self.n_pixels} pixels "
            f"{self.stimulus_shape}, tau {self.tau!s}>"
        )


class Fitted(Protocol):
    """What has learned parameters, such as a fitted `IPVAE`."""

    parameters_: Parameters
