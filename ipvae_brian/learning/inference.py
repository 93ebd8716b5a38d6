"""What a fitted estimator does: simulate, code, decode, score, save and load."""

from dataclasses import replace
from os import PathLike
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ipvae_brian._tools.checks import finite_array, refuse_wrappers, whole_number
from ipvae_brian._tools.types import Time
from ipvae_brian.errors import FileFormatError
from ipvae_brian.learning.settings import arguments_from
from ipvae_brian.learning.standardisation import Standardisation
from ipvae_brian.model.card import write_model
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.batch import COPIES, simulate_many
from ipvae_brian.network.spiking import SpikingNetwork
from ipvae_brian.response.metrics import mean_r_squared
from ipvae_brian.response.response import Response
from ipvae_brian.stimuli.patches import PatchSet

# Numbers that are left as they are, above all in memory-mapped files; others become float64.
KEPT = [np.float64, np.float32, np.float16]
KEPT += [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64]


class Inference(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """What `IPVAE` does once it has `parameters_`; how it comes to them is the subclass's.

    The arguments of `IPVAE` that count here are attributes, as scikit-learn wants it.
    """

    inference_windows: int
    random_state: int | np.random.RandomState | None
    engine: str | None
    n_jobs: int | None
    progress: bool | None
    parameters_: Parameters
    settings_: dict[str, Any]
    noise_variance_: float

    # Stimuli

    def _validated(self, X: Any, first: bool = False) -> NDArray:
        """Stimuli as an array; the first ones tell how many pixels all others must have."""
        refuse_wrappers(X, "X")
        if isinstance(X, PatchSet):
            raise TypeError("X is a PatchSet: give its train or its validation")
        return cast(NDArray, validate_data(self, X, dtype=KEPT, reset=first))

    def _learned_standardisation(self):
        check_is_fitted(self, "parameters_")
        p = self.parameters_
        return Standardisation(p.stimulus_mean, p.stimulus_scale)

    def standardise_stimuli(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return stimuli as the network takes them, (n_stimuli, n_pixels)."""
        return self._learned_standardisation().apply(X)

    def _seed(self):
        """Return an integer `random_state` itself, otherwise one drawn from it."""
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return check_random_state(self.random_state).randint(2**31)

    @property
    def components_(self) -> NDArray[np.floating]:
        """Return the dictionary with a row for each neuron, (n_neurons, n_pixels)."""
        check_is_fitted(self, "parameters_")
        return self.parameters_.dictionary.T

    @property
    def _n_features_out(self):
        """For scikit-learn, which names the neurons ipvae0, ipvae1, ..."""
        return self.parameters_.n_neurons

    # Using what was learned

    def network(self, **options: Any) -> SpikingNetwork:
        """Return a network with what was learned.

        Parameters
        ----------
        **options
            Of `SpikingNetwork`: dt, n_copies, record_potentials, ...
        """
        check_is_fitted(self, "parameters_")
        return SpikingNetwork(self.parameters_, **options)

    def simulate(
        self,
        X: ArrayLike,
        duration: Time | None = None,
        *,
        pathway: str | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> Response:
        """Simulate the network on stimuli.

        Parameters
        ----------
        X : array_like, shape (n_stimuli, n_pixels)
        duration : Quantity, optional
            How long each is shown; by default `inference_windows` * tau.
        pathway : {"synapses", "error_units"}, optional
            Simulate one stimulus after the other in this way; by default, several stimuli are
            shown to copies of the network at the same time.
        seed : int, optional
            By default an integer `random_state`, otherwise new spikes each time.
        **options
            Of `SpikingNetwork`: dt, record_potentials, record_spikes, ...

        Returns
        -------
        Response
            Its stimuli and reconstructions are standardised.
        """
        check_is_fitted(self, "parameters_")
        X = self._validated(X)
        p = self.parameters_
        if duration is None:
            duration = whole_number(self.inference_windows, "inference_windows") * p.tau
        if pathway is None and len(X) > 1:
            options = {"n_copies": min(COPIES, len(X)), "engine": self.engine} | options
        if seed is None and isinstance(self.random_state, int | np.integer):
            seed = int(self.random_state)
        network = self.network(pathway=pathway, **options)
        stimuli = self.standardise_stimuli(X)
        return network.present(stimuli, duration, seed=seed, progress=self.progress)

    def transform(self, X: ArrayLike, *, until: float | None = None) -> NDArray[np.float64]:
        """Return spike counts of the last window of tau, (n_stimuli, n_neurons).

        Parameters
        ----------
        X : array_like, shape (n_stimuli, n_pixels)
        until : float, optional
            End before all `inference_windows`, as for `evaluate`.
        """
        return self._infer(X, until).counts[:, -1].astype(np.float64)

    def _infer(self, X, until=None):
        """Response to static stimuli, on as many processes as are asked for."""
        check_is_fitted(self, "parameters_")
        X = self._validated(X)
        windows = whole_number(self.inference_windows, "inference_windows")
        return simulate_many(
            self.parameters_,
            self.standardise_stimuli(X),
            windows * self.parameters_.tau,
            until=until,
            seed=self._seed(),
            n_copies=min(COPIES, len(X)),
            engine=self.engine,
            n_jobs=self.n_jobs,
            progress=self.progress,
        )

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return stimuli decoded from spike counts (n_stimuli, n_neurons), in their own units."""
        check_is_fitted(self, "parameters_")
        p = self.parameters_
        counts = finite_array(X, "X", shape=(None, p.n_neurons))
        return self._learned_standardisation().undo(p.decode(counts))

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Return the mean R2 of stimuli decoded from the counts of the last window of tau."""
        return float(mean_r_squared(self._infer(X).r2()))

    def distance(self, X: ArrayLike) -> float:
        """Return the distance from a perfect and empty code; see `metrics.distance`."""
        return self._infer(X).distance()

    # Files

    def save(
        self,
        path: str | PathLike,
        *,
        stimulus_shape: tuple[int, ...] | None = None,
        whitening: dict | None = None,
        provenance: dict | None = None,
        card: bool = False,
    ) -> None:
        """Write the learned parameters as a model file; see `Parameters.save`.

        Parameters
        ----------
        path : path-like
        stimulus_shape, whitening, provenance : optional
            What the estimator does not know of its stimuli; see `Parameters`.
        card : bool, default False
            Whether to write the model's card beside it; see `write_model`.
        """
        check_is_fitted(self, "parameters_")
        told = {
            "stimulus_shape": stimulus_shape or self.parameters_.stimulus_shape,
            "whitening": whitening or self.parameters_.whitening,
            "provenance": {"settings": self.settings_}
            | dict(self.parameters_.provenance)
            | (provenance or {}),
        }
        parameters = replace(self.parameters_, **told)
        if card:
            write_model(path, parameters)
        else:
            parameters.save(path)

    @classmethod
    def load(cls, path: str | PathLike) -> Self:
        """Return an estimator with the parameters of a model file, ready to transform.

        Raises
        ------
        FileNotFoundError, FileFormatError
            As for `Parameters.load`, and if the settings in it are not valid.
        """
        parameters = Parameters.load(path)
        stored = parameters.provenance.get("settings", {})
        if not isinstance(stored, dict):
            raise FileFormatError(f"{path}: field 'provenance': settings must be a dict")
        try:
            arguments = arguments_from(stored)
        except (TypeError, ValueError) as error:
            raise FileFormatError(f"{path}: field 'provenance': settings: {error}") from error
        arguments |= {
            "n_neurons": parameters.n_neurons,
            "tau": parameters.tau,
            "stimulus_shape": parameters.stimulus_shape,
        }
        estimator = cls(**arguments)
        estimator.parameters_ = parameters
        estimator.settings_ = stored
        estimator.noise_variance_ = parameters.noise_variance
        # What scikit-learn's `validate_data` sets.
        setattr(estimator, "n_features_in_", parameters.n_pixels)  # noqa: B010
        return estimator

    def __sklearn_is_fitted__(self):
        return hasattr(self, "parameters_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        tags.transformer_tags.preserves_dtype = []
        return tags
