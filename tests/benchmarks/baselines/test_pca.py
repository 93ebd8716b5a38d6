"""Principal components are those of the singular value decomposition."""

import numpy as np

from benchmarks.baselines.pca import PrincipalComponents


def test_reconstructions_are_the_best_of_that_many_components(patterns):
    model = PrincipalComponents(64, 24, n_components=5).fit(patterns)
    u, s, v = np.linalg.svd(patterns - patterns.mean(0), full_matrices=False)
    expected = (u[:, :5] * s[:5]) @ v[:5] + patterns.mean(0)
    codes = model.infer(patterns)
    np.testing.assert_allclose(model.decode(codes), expected, atol=1e-3)
    assert (codes[:, 5:] == 0).all() and (codes[:, :5] != 0).all()


def test_more_latents_than_pixels_stay_unused(patterns):
    model = PrincipalComponents(64, 100).fit(patterns)
    codes = model.infer(patterns[:5])
    assert codes.shape == (5, 100) and (codes[:, 64:] == 0).all()
    np.testing.assert_allclose(model.decode(codes), patterns[:5], atol=1e-3)
