"""Lengths and frequencies in pixels, and in degrees of visual angle."""

import pytest

from ipvae_brian.stimuli.protocols.space import Space


def test_pixels_and_cycles_per_patch():
    space = Space((12, 16), None)
    assert (space.length, space.frequency, space.pixels) == ("pixel", "cycles/patch", 1.0)
    assert space.cycles_per_pixel(4) == 4 / 16  # of the patch's width
    assert space.point((3, -2)) == (3.0, -2.0)


def test_degrees_and_cycles_per_degree():
    space = Space((12, 16), 2.0)
    assert (space.length, space.frequency, space.pixels) == ("degree", "cycles/degree", 8.0)
    assert space.cycles_per_pixel(2) == 2 / 8
    assert space.point((0.5, -0.25)) == (4.0, -2.0)
    # The same grating, said in either way.
    assert space.cycles_per_pixel(2) == Space((12, 16), None).cycles_per_pixel(4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Space((16, 16), 0), ValueError, "degrees_per_patch must be > 0"),
        (lambda: Space((16, 16), "2"), TypeError, "degrees_per_patch must be"),
        (lambda: Space((16, 0), None), ValueError, "shape"),
        (
            lambda: Space((16, 16), None).cycles_per_pixel(8),
            ValueError,
            r"spatial_frequencies must be below 8 cycles/patch \(half a cycle per pixel\), got 8",
        ),
        (
            lambda: Space((16, 16), 2).cycles_per_pixel(4),
            ValueError,
            "spatial_frequencies must be below 4 cycles/degree",
        ),
        (
            lambda: Space((16, 16), None).cycles_per_pixel(0),
            ValueError,
            "spatial_frequencies must be > 0",
        ),
        (lambda: Space((16, 16), None).point(3), TypeError, r"centre must be \(right, up\), got 3"),
        (lambda: Space((16, 16), None).point((1, "a")), TypeError, r"centre\[1\] must be"),
    ],
)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
