from . import (
    errors,
    learning,
    model,
    network,
    physiology,
    plotting,
    recordings,
    reports,
    response,
    stimuli,
)
from ._version import __version__
from .errors import (
    DivergenceError,
    FileFormatError,
    MemoryLimitError,
    RecordingWarning,
    StabilityWarning,
    StoppedError,
    TimingWarning,
)
from .learning.estimator import IPVAE
from .learning.evaluation import evaluate
from .model.card import model_card, write_model
from .model.library import available_models, load_model
from .model.parameters import Parameters
from .network import equations
from .network.noise import Noise
from .network.rates import RateNetwork
from .network.spiking import SpikingNetwork
from .network.stable_gain import stable_gain
from .recordings.loading import load_recording
from .recordings.pools import Pools
from .recordings.recording import Recording
from .recordings.spikes import Spikes
from .recordings.timing import Timing
from .response import metrics
from .response.response import Response

__all__ = [
    "IPVAE",
    "DivergenceError",
    "FileFormatError",
    "MemoryLimitError",
    "Noise",
    "Parameters",
    "Pools",
    "RateNetwork",
    "Recording",
    "RecordingWarning",
    "Response",
    "Spikes",
    "SpikingNetwork",
    "StabilityWarning",
    "StoppedError",
    "Timing",
    "TimingWarning",
    "__version__",
    "available_models",
    "equations",
    "errors",
    "evaluate",
    "learning",
    "load_model",
    "load_recording",
    "metrics",
    "model",
    "model_card",
    "network",
    "physiology",
    "plotting",
    "recordings",
    "reports",
    "response",
    "stable_gain",
    "stimuli",
    "write_model",
]
