"""Kullback-Leibler (KL) divergences of posteriors from priors, in nats, and draws of Gaussians."""

import torch


def gaussian_kl(mean, log_scale, prior_mean, prior_log_scale):
    """Return the KL divergence of one Gaussian from another, elementwise."""
    scaled = (mean - prior_mean) * torch.exp(-prior_log_scale)
    narrower = log_scale - prior_log_scale
    return 0.5 * (scaled**2 + torch.exp(2 * narrower) - 1) - narrower


def poisson_kl(potential, prior):
    """Return the KL divergence of one Poisson distribution from another, by their log rates."""
    return torch.exp(potential) * (potential - prior - 1) + torch.exp(prior)


def gaussian_draw(mean, log_scale):
    """Return a draw that can be differentiated, and the standard noise in it."""
    noise = torch.randn_like(mean)
    return mean + torch.exp(log_scale) * noise, noise
