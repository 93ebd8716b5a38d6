"""The settings of a training, in one list: name, default, bounds and purpose.

`IPVAE` takes its defaults and checks from this list, and the command line its options, so nothing
here imports more than Python itself.
"""

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Self, get_args

# Stimuli that training simulates at a time. Statistics of each chunk travel between processes, so
# they should be few; and the state of its network should not outgrow the caches.
LARGEST_CHUNK = 500
# A training of this length gives good dictionaries of natural images, and longer ones hardly
# better: so many stimuli, in no more than so many batches.
ENOUGH_STIMULI, ENOUGH_BATCHES = 500_000, 2500


@dataclass(frozen=True)
class Setting:
    """One setting of a training.

    Parameters
    ----------
    name : str
        As in `IPVAE`.
    kind : type
        int, float, bool or str.
    default : object
        A time in seconds; None is something that is chosen when a training begins.
    help : str
        What it is, in a line.
    unit : str, optional
        "second" for a time, which `IPVAE` takes as a quantity.
    minimum, maximum, above, below : float, optional
        Bounds; the last two exclude themselves.

    Examples
    --------
    >>> from ipvae_brian.learning.settings import TRAINING_SETTINGS
    >>> ridge = next(setting for setting in TRAINING_SETTINGS if setting.name == "ridge")
    >>> ridge.default, ridge.check(1)
    (0.01, 1.0)
    """

    name: str
    kind: type
    default: Any
    help: str
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None

    def check(self, value: Any) -> Any:
        """Return `value` as a plain number, flag or name, if it is allowed.

        Raises
        ------
        TypeError, ValueError
            If it is not; the message names the setting, what was expected and what came.
        """
        # Imported here, because the list above has to be there before NumPy and Brian2 are loaded.
        from ipvae_brian._tools import checks

        if value is None and (self.default is None or self.unit):
            return self.default
        if self.unit:
            return checks.seconds(value, self.name)
        if self.kind is bool:
            return checks.flag(value, self.name)
        if self.kind is int:
            return checks.whole_number(value, self.name, minimum=self.minimum or 0)
        if self.kind is str:
            return value
        bounds = {name: getattr(self, name) for name in ("minimum", "maximum", "above", "below")}
        return checks.number(value, self.name, **bounds)


def _setting(default: Any, text: str, name: str | None = None, **others: Any) -> Any:
    """One field of `TrainingSettings`; `name` where `IPVAE` calls it otherwise."""
    metadata = {"name": name, "help": text, **others}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class TrainingSettings:
    """What determines a training besides its stimuli; stored with checkpoints and compared.

    Names as in `IPVAE`, which documents them.

    Examples
    --------
    >>> from ipvae_brian.learning.settings import TrainingSettings
    >>> TrainingSettings(batch_size=1200).chunk_size
    400
    """

    n_neurons: int = _setting(512, "number of neurons", minimum=1)
    spike_size: float = _setting(0.4, "length of every dictionary column", above=0)
    gain: float = _setting(6.0, "gain kappa of the model", above=0)
    sparsity: float = _setting(0.25, "sparsity lambda of the model", minimum=0)
    half_threshold_rate: float | None = _setting(
        None, "adaptive prior of the model: spikes per tau that halve a threshold", above=0
    )
    threshold_memory: float = _setting(
        1.0, "over how many tau spikes count for the adaptive prior", above=0
    )
    lowest_potential: float = _setting(-8.0, "lower bound of potentials", below=-2)
    noise_penalty: float = _setting(
        0.0, "share of the spike's own noise in the threshold", minimum=0
    )
    leak: float = _setting(0.0, "pull of the potential to rest per tau", minimum=0)
    tau_seconds: float = _setting(0.02, "membrane time constant", "tau", unit="second")
    training_gain: float = _setting(5.0, "gain while learning", above=0)
    training_sparsity: float = _setting(1.0, "sparsity while learning", minimum=0)
    training_half_threshold_rate: float | None = _setting(
        None, "adaptive prior while learning; none unless given", above=0
    )
    training_highest_potential: float = _setting(
        4.0, "bound of potentials while learning", above=-2, maximum=20
    )
    steps_per_tau: int | None = _setting(
        None, "time steps of training per tau; chosen for the stimuli unless given", minimum=1
    )
    batch_size: int = _setting(200, "stimuli between two updates of the dictionary", minimum=1)
    n_windows: int = _setting(2, "windows of tau that each stimulus is shown", minimum=1)
    windows_left_out: int = _setting(1, "windows before counts are used", minimum=0)
    n_epochs: int | None = _setting(
        None, "passes over the stimuli; chosen for their number unless given", minimum=1
    )
    averaging_rate: float = _setting(
        0.07, "rate of the running averages per batch", above=0, maximum=1
    )
    dictionary_step: float = _setting(
        1.5, "part of the way to the best dictionary per update", above=0, below=2
    )
    ridge: float = _setting(0.01, "regularisation of the update", above=0)
    weight_cost: float = _setting(
        0.12, "by what an update shrinks weights, which makes fields local", minimum=0, maximum=0.4
    )
    annealing: float = _setting(
        0.5, "last part of the training, in which rates fall", minimum=0, maximum=1
    )
    revive_after: int = _setting(
        4000, "stimuli after which a silent neuron is re-seeded", minimum=1
    )
    inference_windows: int = _setting(16, "windows of tau that inference takes", minimum=1)
    learn_prior: bool = _setting(False, "whether prior rates become the neurons' mean rates")
    standardise: bool = _setting(True, "whether stimuli are z-scored")
    engine: str | None = _setting(
        None, "events, numba, numpy or brian2; the fastest installed unless given"
    )
    seed: int | None = _setting(None, "seed of everything random", "random_state", minimum=0)

    def with_epochs(self, n_stimuli: int | None) -> Self:
        """Return the settings with passes over so many stimuli, unless they are given.

        Stimuli of which nobody knows how many there are (None) are passed over once.
        """
        if self.n_epochs is not None:
            return self
        if n_stimuli is None:
            return replace(self, n_epochs=1)
        batches = math.ceil(n_stimuli / self.batch_size)
        n_epochs = min(ENOUGH_STIMULI / n_stimuli, ENOUGH_BATCHES / batches)
        return replace(self, n_epochs=math.ceil(n_epochs))

    @property
    def chunk_size(self) -> int:
        """Stimuli that are simulated at a time: even parts of a batch."""
        return math.ceil(self.batch_size / math.ceil(self.batch_size / LARGEST_CHUNK))


def decided(value: Any) -> Any:
    """Return a setting that a training chooses when it begins, and has chosen by now."""
    if value is None:
        raise RuntimeError("a setting of the training is used before it has been chosen")
    return value


def _record(entry: Field) -> Setting:
    kind: Any = (get_args(entry.type) or (entry.type,))[0]
    values = dict(entry.metadata)
    return Setting(values.pop("name") or entry.name, kind, entry.default, **values)


# Fields of `TrainingSettings` by their name in `IPVAE`.
_FIELDS = {_record(entry).name: entry.name for entry in fields(TrainingSettings)}

TRAINING_SETTINGS: tuple[Setting, ...] = (
    *map(_record, fields(TrainingSettings)),
    # How it runs; what is learned does not depend on these.
    Setting("checkpoint_every", int, 50, "batches between two checkpoints", minimum=1),
    Setting("n_jobs", int, None, "processes, -1 for all cores; 1 unless joblib says otherwise"),
)


def checked_settings(arguments: Mapping[str, Any]) -> TrainingSettings:
    """Return the settings among the arguments of `IPVAE`, each checked.

    Parameters
    ----------
    arguments : mapping
        Values by name; what is missing has its default.

    Raises
    ------
    TypeError, ValueError
        For the first that is not allowed; the message names it.
    """
    checked = {
        setting.name: setting.check(arguments[setting.name])
        if setting.name in arguments
        else setting.default
        for setting in TRAINING_SETTINGS
    }
    left_out, n_windows = checked["windows_left_out"], checked["n_windows"]
    if left_out >= n_windows:
        raise ValueError(
            f"windows_left_out must be less than n_windows, got {left_out} of {n_windows}"
        )
    return TrainingSettings(**{own: checked[name] for name, own in _FIELDS.items()})


def arguments_from(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `IPVAE` among the settings that a model file holds, each checked.

    A model file comes from anywhere, so it decides nothing but how the model was trained: not
    which files are written, how many processes run, or by what. (tau is in the model itself.)

    Raises
    ------
    TypeError, ValueError
        For the first that is not allowed; the message names it.
    """
    settings = {setting.name: setting for setting in TRAINING_SETTINGS}
    names = {name: own for name, own in _FIELDS.items() if name not in ("tau", "engine")}
    return {name: settings[name].check(stored[own]) for name, own in names.items() if own in stored}
