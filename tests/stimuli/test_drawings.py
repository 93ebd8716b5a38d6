"""What is drawn against its closed form: frequencies by Fourier transform, areas, places."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian.stimuli.drawings import Bar, Grating, Grey, Grid, Noise, Pictures, Plaid

SQUARE = Grid((32, 32))
NOW = np.zeros(1)


def spectrum(frames):
    return np.abs(np.fft.fftn(frames)) / frames.size


def test_grid():
    grid = Grid((3, 4), margin=1)
    assert grid.frame_shape == (5, 6)
    np.testing.assert_array_equal(grid.x, [[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]])
    np.testing.assert_array_equal(grid.y, [[2], [1], [0], [-1], [-2]])  # rows go down


@pytest.mark.parametrize(("cycles_right", "cycles_up"), [(3, 0), (0, 5), (2, 4), (-3, 6), (1, -2)])
@pytest.mark.parametrize("contrast", [0.2, 1])
def test_grating_has_one_frequency(cycles_right, cycles_up, contrast):
    grating = Grating(
        direction=np.rad2deg(np.arctan2(cycles_up, cycles_right)),
        spatial_frequency=np.hypot(cycles_right, cycles_up) / 32,
        contrast=contrast,
        phase=40,
    )
    (frame,) = grating.draw(SQUARE, NOW)
    power = spectrum(frame)
    place = (-cycles_up % 32, cycles_right % 32)  # rows go down
    assert power[place] == pytest.approx(contrast / 2)
    power[place] = power[cycles_up % 32, -cycles_right % 32] = 0
    assert power.max() < 1e-12
    assert frame.mean() == pytest.approx(0, abs=1e-12)
    assert frame.std() == pytest.approx(contrast / np.sqrt(2))


@pytest.mark.parametrize("direction", [0, 90, 180, 270])
@pytest.mark.parametrize("cycles", [1, 3])
def test_drift_has_one_direction(direction, cycles):
    """Time, rows and columns: the wave that moves the other way is absent."""
    grating = Grating(direction=direction, spatial_frequency=4 / 32, temporal_frequency=cycles)
    frames = grating.draw(SQUARE, np.arange(20) / 20)
    power = spectrum(frames)
    right, up = {0: (4, 0), 90: (0, 4), 180: (-4, 0), 270: (0, -4)}[direction]
    place = (-cycles % 20, -up % 32, right % 32)  # cos(k r - w t)
    assert power[place] == pytest.approx(0.5)
    power[place] = power[cycles, up % 32, -right % 32] = 0
    assert power.max() < 1e-12


@pytest.mark.parametrize("direction", [0, 30, 90, 200])
def test_drift_moves_where_it_says(direction):
    angle = np.deg2rad(direction)
    grating = Grating(direction=direction, spatial_frequency=0.1, temporal_frequency=2)
    later = grating.draw(SQUARE, np.array([0.05]))
    moved = Grating(  # 2 Hz for 50 ms is a tenth of a period of 10 pixels: one pixel
        direction=direction,
        spatial_frequency=0.1,
        centre=(np.cos(angle), np.sin(angle)),
    )
    np.testing.assert_allclose(later, moved.draw(SQUARE, NOW), atol=1e-12)


def test_phase_and_centre():
    grid = Grid((33, 33))
    bright = Grating(direction=25, spatial_frequency=0.07, centre=(3, -5)).draw(grid, NOW)[0]
    assert bright[16 + 5, 16 + 3] == pytest.approx(1)
    dark = Grating(direction=25, spatial_frequency=0.07, centre=(3, -5), phase=180)
    np.testing.assert_allclose(dark.draw(grid, NOW)[0], -bright, atol=1e-12)


@pytest.mark.parametrize("diameter", [6.0, 10.5, 25.0])
@pytest.mark.parametrize("centre", [(0, 0), (2.3, -1.7)])
def test_aperture(diameter, centre):
    grid = Grid((64, 64))
    whole = Grating(direction=0, spatial_frequency=1e-9, centre=centre)  # as good as constant
    disc = Grating(direction=0, spatial_frequency=1e-9, centre=centre, diameter=diameter)
    mask = disc.draw(grid, NOW)[0] / whole.draw(grid, NOW)[0]
    assert mask.sum() == pytest.approx(np.pi * diameter**2 / 4, rel=0.03)
    distance = np.hypot(grid.x - centre[0], grid.y - centre[1])
    np.testing.assert_allclose(mask[distance < diameter / 2 - 0.5], 1)
    np.testing.assert_allclose(mask[distance > diameter / 2 + 0.5], 0)
    assert mask[distance.argmin() // 64, distance.argmin() % 64] == 1


def test_contrast_steps():
    grating = Grating(
        direction=0, spatial_frequency=4 / 32, contrast_steps=(0.1, 0.8, 0.2), frames_per_step=2
    )
    frames = grating.draw(SQUARE, np.arange(6) / 10)
    contrasts = frames.std(axis=(1, 2)) * np.sqrt(2)
    np.testing.assert_allclose(contrasts, [0.1, 0.1, 0.8, 0.8, 0.2, 0.2])
    np.testing.assert_allclose(grating.draw(SQUARE, np.arange(3, 5) / 10, first=3), frames[3:5])


def test_plaid_is_the_sum_of_its_gratings():
    gratings = tuple(
        Grating(direction=d, spatial_frequency=0.1, temporal_frequency=3, contrast=0.4)
        for d in (0, 90)
    )
    times = np.linspace(0, 1, 7)
    np.testing.assert_allclose(
        Plaid(gratings).draw(SQUARE, times), sum(g.draw(SQUARE, times) for g in gratings)
    )


@given(
    direction=st.floats(0, 360),
    width=st.floats(2, 8),  # thinner ones lie within a pixel, wherever in it
    position=st.floats(-6, 6),
    contrast=st.floats(-1, 1).filter(lambda c: abs(c) > 0.01),
)
def test_bar(direction, width, position, contrast):
    grid = Grid((40, 40))
    bar = Bar(
        direction=direction, width=width, length=10, position=position, contrast=contrast
    ).draw(grid, NOW)[0]
    assert abs(bar).max() <= abs(contrast) + 1e-12
    # Exact along the axes; slanted ramps are within a few percent.
    assert bar.sum() == pytest.approx(contrast * width * 10, rel=0.12)
    angle = np.deg2rad(direction)
    assert (bar * grid.x).sum() / bar.sum() == pytest.approx(position * np.cos(angle), abs=0.15)
    assert (bar * grid.y).sum() / bar.sum() == pytest.approx(position * np.sin(angle), abs=0.15)


@pytest.mark.parametrize("direction", [0, 90, 180, 270])
@pytest.mark.parametrize("width", [0.4, 1, 2.5, 7])
@pytest.mark.parametrize("position", [0, 1.3])
def test_bar_along_the_axes_is_exact(direction, width, position):
    bar = Bar(direction=direction, width=width, position=position).draw(SQUARE, NOW)[0]
    profile = bar.mean(axis=0 if direction in (0, 180) else 1)
    assert profile.sum() == pytest.approx(width)
    np.testing.assert_allclose(bar.std(axis=0 if direction in (0, 180) else 1), 0, atol=1e-12)


def test_bar_moves():
    bar = Bar(direction=90, width=2, position=-5, speed=10)
    frames = bar.draw(SQUARE, np.array([0.0, 0.5, 1.0]))
    heights = (frames * SQUARE.y).sum(axis=(1, 2)) / frames.sum(axis=(1, 2))
    np.testing.assert_allclose(heights, [-5, 0, 5], atol=1e-9)


@pytest.mark.parametrize("binary", [True, False])
def test_noise(binary):
    noise = Noise(seed=(1,), contrast=0.3, binary=binary)
    frames = noise.draw(SQUARE, np.arange(400.0))
    assert frames.mean() == pytest.approx(0, abs=4 * 0.3 / np.sqrt(frames.size))
    assert frames.std() == pytest.approx(0.3, rel=0.01)
    if binary:
        np.testing.assert_allclose(abs(frames), 0.3)
    else:
        kurtosis = (frames**4).mean() / (frames**2).mean() ** 2
        assert kurtosis == pytest.approx(3, abs=0.05)
    # White in space and time: no two pixels, and no two frames, go together.
    rows = frames.reshape(400, -1)
    for one, other in ((rows[1:], rows[:-1]), (frames[:, 1:], frames[:, :-1])):
        assert abs((one * other).mean()) < 5 * 0.09 / np.sqrt(one.size)
    np.testing.assert_array_equal(noise.draw(SQUARE, np.arange(5.0), first=3), frames[3:8])
    assert not np.array_equal(Noise(seed=(2,), contrast=0.3).draw(SQUARE, NOW), frames[:1])


def test_checks():
    frames = Noise(seed=(0,), contrast=1, check=5).draw(Grid((12, 12)), np.arange(3.0))
    for top in (0, 5, 10):
        for left in (0, 5, 10):
            check = frames[:, top : top + 5, left : left + 5]
            np.testing.assert_allclose(check, check[:, :1, :1] * np.ones_like(check))


def test_pictures(rng):
    frames = rng.normal(size=(3, 9, 10))
    pictures = Pictures(frames)
    shown = pictures.draw(Grid((5, 4), 1), np.arange(2.0), first=1)
    np.testing.assert_array_equal(shown, frames[1:, 1:8, 2:8])
    with pytest.raises(ValueError, match="pictures of 9 x 10 pixels are too small"):
        pictures.draw(Grid((9, 9), 1), NOW)


def test_grey():
    assert not Grey().draw(Grid((3, 4), 2), np.zeros(5)).any()
    assert Grey().draw(Grid((3, 4), 2), np.zeros(5)).shape == (5, 7, 8)


@given(margin=st.integers(1, 8), direction=st.floats(0, 360), time=st.floats(0, 2))
def test_the_patch_is_the_same_with_any_margin(margin, direction, time):
    for drawing in (
        Grating(direction=direction, spatial_frequency=0.1, temporal_frequency=3, diameter=7),
        Bar(direction=direction, width=2, speed=3),
        Noise(seed=(4,), contrast=1),
    ):
        small = drawing.draw(Grid((6, 9)), np.array([time]))
        large = drawing.draw(Grid((6, 9), margin), np.array([time]))
        np.testing.assert_allclose(large[:, margin:-margin, margin:-margin], small, atol=1e-12)
