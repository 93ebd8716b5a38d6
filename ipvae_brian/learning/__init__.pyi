from .estimator import IPVAE
from .evaluation import evaluate

__all__ = ["IPVAE", "evaluate"]
