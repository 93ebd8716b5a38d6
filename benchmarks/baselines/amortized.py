"""Variational autoencoders whose encoder infers in one step: Gaussian, with relu, and Poisson.

The loss is the squared error of a draw plus beta times the KL divergence of the posterior from a
prior that is learned, and the encoder says how far the posterior is from it, as in the published
code of the Poisson VAE.
"""

import torch
from torch import nn

from benchmarks.baselines.distributions import gaussian_draw, gaussian_kl, poisson_kl
from benchmarks.baselines.interface import TradeOff
from benchmarks.baselines.networks import KINDS, decoder, encode, encoder
from benchmarks.baselines.poisson_vae import RelaxedPoisson, soft_upper
from benchmarks.baselines.torch_rival import RISE, TorchRival
from ipvae_brian._tools.checks import known_name

# Log standard deviations stay within +- this, softly.
LOG_SCALE = 5.0
# Log rates are no more than this above the prior, softly.
LARGEST = 10.0
# The prior log rate at the start.
QUIET = -2.0


class Autoencoder(nn.Module):
    """Encoder, decoder and prior.

    Parameters
    ----------
    n_pixels, n_latents : int
    kinds : tuple of str
        Of encoder and decoder.
    prior : tuple of float
        Its parameters at the start, for every latent alike.
    """

    def __init__(self, n_pixels, n_latents, kinds, prior):
        super().__init__()
        self.encoder = encoder(kinds[0], n_pixels, len(prior) * n_latents)
        self.decoder = decoder(kinds[1], n_latents, n_pixels)
        first = torch.tensor(prior)[:, None].repeat(1, n_latents)
        self.prior = nn.Parameter(first)


class Amortized(TorchRival):
    """What all autoencoders share.

    Settings
    --------
    beta : float
        Weight of the KL divergence against the squared error.
    encoder, decoder : {"linear", "convolutional"}
    """

    FAMILY = "amortized"
    TRADE_OFF = TradeOff("beta", (0.01, 0.03, 0.1, 0.4, 1.0), retrain=True)
    DEFAULTS = TorchRival.DEFAULTS | {"beta": 0.01, "encoder": "linear", "decoder": "linear"}
    PRIOR: tuple

    def build(self):
        """Return the network."""
        kinds = [known_name(self.settings[name], name, KINDS) for name in ("encoder", "decoder")]
        return Autoencoder(self.n_pixels, self.n_latents, kinds, self.PRIOR)

    def reconstruct(self, code):
        """Return the reconstructions of codes."""
        return self.network.decoder(code)

    def divergence(self, state):
        """Return the KL divergence of states from the prior, (B,)."""
        raise NotImplementedError

    def draw(self, state, share):
        """Return a draw of the code that can be differentiated."""
        raise NotImplementedError

    def objective(self, stimuli, state, share=1.0):
        """Return the loss of every stimulus, (B,)."""
        error = stimuli - self.reconstruct(self.draw(state, share))
        beta = self.settings["beta"] * min(share / RISE, 1)
        return (error**2).sum(dim=1) + beta * self.divergence(state)

    def loss(self, stimuli, share):
        """Return the loss of one batch."""
        return self.objective(stimuli, self.start(stimuli), share).mean()


class AmortizedGaussianVAE(Amortized):
    """The VAE of Kingma & Welling, with a linear decoder unless told otherwise."""

    NAME = "amortized Gaussian VAE"
    REFERENCE = "Kingma & Welling 2014, arXiv 1312.6114"
    PRIOR = (0.0, 0.0)
    RELU = False

    def start(self, stimuli):
        """Return mean and log standard deviation that the encoder finds."""
        found = encode(self.network.encoder, stimuli).chunk(2, dim=1)
        mean, log_scale = (p + far for p, far in zip(self.network.prior, found, strict=True))
        return mean, bounded(log_scale)

    def activation(self, drawn):
        """Return the code of a draw."""
        return torch.relu(drawn) if self.RELU else drawn

    def code(self, state, sample):
        """Return codes, drawn or of the mean."""
        return self.activation(gaussian_draw(*state)[0] if sample else state[0])

    def draw(self, state, share):
        """Return a draw of the code."""
        return self.activation(gaussian_draw(*state)[0])

    def divergence(self, state):
        """Return the KL divergence from the prior."""
        return gaussian_kl(*state, *self.network.prior).sum(dim=1)


def bounded(log_scale):
    """Return log standard deviations within +- LOG_SCALE, softly."""
    return LOG_SCALE * torch.tanh(log_scale / LOG_SCALE)


class AmortizedReluVAE(AmortizedGaussianVAE):
    """The same with rectified draws as code: at least zero, often exactly."""

    NAME = "amortized Gaussian VAE, relu"
    REFERENCE = "Vafaii, Galor & Yates 2024, arXiv 2405.14473"
    SPARSE = RELU = True


class AmortizedPoissonVAE(Amortized):
    """The Poisson VAE: counts as code, drawn as events of which arrivals are softly counted.

    Settings
    --------
    hot, cold : float
        The temperature of soft counting falls from one to the other in the first half.
    """

    NAME = "amortized Poisson VAE"
    REFERENCE = "Vafaii, Galor & Yates 2024, arXiv 2405.14473"
    SPARSE = True
    PRIOR = (QUIET,)
    DEFAULTS = Amortized.DEFAULTS | {"hot": 1.0, "cold": 0.05}

    def start(self, stimuli):
        """Return the log rates that the encoder finds."""
        found = encode(self.network.encoder, stimuli)
        return (self.network.prior[0] + soft_upper(found, LARGEST),)

    def code(self, state, sample):
        """Return counts, or rates."""
        rates = torch.exp(state[0])
        return torch.poisson(rates) if sample else rates

    def draw(self, state, share):
        """Return soft counts."""
        hot, cold = self.settings["hot"], self.settings["cold"]
        return RelaxedPoisson.apply(state[0], hot + (cold - hot) * min(share / 0.5, 1))

    def divergence(self, state):
        """Return the KL divergence from the prior."""
        return poisson_kl(state[0], self.network.prior[0]).sum(dim=1)


class ConvolutionalGaussianVAE(AmortizedGaussianVAE):
    """The Gaussian VAE with a convolutional encoder."""

    NAME = "amortized Gaussian VAE, convolutional"
    DEFAULTS = AmortizedGaussianVAE.DEFAULTS | {"encoder": "convolutional"}


class ConvolutionalReluVAE(AmortizedReluVAE):
    """The relu VAE with a convolutional encoder."""

    NAME = "amortized Gaussian VAE, relu, convolutional"
    DEFAULTS = AmortizedReluVAE.DEFAULTS | {"encoder": "convolutional"}


class ConvolutionalPoissonVAE(AmortizedPoissonVAE):
    """The Poisson VAE with a convolutional encoder."""

    NAME = "amortized Poisson VAE, convolutional"
    DEFAULTS = AmortizedPoissonVAE.DEFAULTS | {"encoder": "convolutional"}
