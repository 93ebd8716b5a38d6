"""Encoders and decoders of square images."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")

from benchmarks.baselines import networks, rival  # noqa: E402


@pytest.mark.parametrize("n_pixels", [64, 256, 784])
def test_convolutional_networks_fit_square_images(n_pixels):
    images = torch.randn(3, n_pixels)
    code = networks.encoder("convolutional", n_pixels, 10)(images)
    assert code.shape == (3, 10)
    assert networks.decoder("convolutional", 10, n_pixels)(code).shape == (3, n_pixels)


@pytest.mark.parametrize("n_pixels", [60, 36])
def test_convolutional_networks_refuse_other_images(n_pixels):
    with pytest.raises(ValueError, match=f"multiple of 4, got n_pixels = {n_pixels}"):
        rival("gaussian_amortized_conv")(n_pixels, 5)


def test_an_unknown_encoder_is_refused():
    with pytest.raises(ValueError, match="encoder must be one of 'linear', 'convolutional'"):
        rival("gaussian_amortized")(64, 5, encoder="conv")


def test_large_batches_are_encoded_in_parts(images, monkeypatch):
    network = networks.encoder("linear", 64, 7)
    whole = network(images)
    monkeypatch.setattr(networks, "ROWS", 4)
    torch.testing.assert_close(networks.encode(network, images), whole)
