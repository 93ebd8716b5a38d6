import numpy as np
import pytest
from brian2.only import Hz, ms
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian.stimuli import protocols


def spectrum(frames):
    return np.abs(np.fft.fftn(frames)) / frames.size


def rows(session, *names):
    return list(zip(*(session.conditions[name].tolist() for name in names), strict=True))


def test_every_combination_is_shown_once_per_repeat():
    session = protocols.drifting_gratings(
        directions=[0, 90, 180],
        spatial_frequencies=[1, 2],
        temporal_frequencies=[2, 4] * Hz,
        contrasts=[0.1, 1],
        diameters=[5, 9],
        phases=[0, 90],
        duration=500 * ms,
        repeats=2,
    )
    assert session.n_stimuli == 3 * 2 * 2 * 2 * 2 * 2
    names = (
        "direction",
        "spatial_frequency",
        "temporal_frequency",
        "contrast",
        "diameter",
        "phase",
    )
    shown = rows(session, *names, "repeat")
    assert len(set(shown)) == len(shown) == 192
    np.testing.assert_array_equal(
        session.conditions["orientation"], (session.conditions["direction"] + 90) % 180
    )
    assert session.units["spatial_frequency"] == "cycles/patch"
    assert (session.units["diameter"], session.units["direction"]) == ("pixel", "degree")


@pytest.mark.parametrize("direction", [0, 90, 180, 270])
@pytest.mark.parametrize("frequency", [1, 3, 5])
@pytest.mark.parametrize("temporal", [2, 8])
def test_drifting(direction, frequency, temporal):
    """Over a whole number of periods, one wave in time and space; its mirror image is absent."""
    session = protocols.drifting_gratings(
        directions=direction, spatial_frequencies=frequency,
        temporal_frequencies=temporal * Hz, contrasts=0.6, shape=(16, 16),
    )  # fmt: skip
    frames = session.frames(0)
    assert frames.shape == (100, 16, 16)
    power = spectrum(frames)
    right, up = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[direction]
    place = (-temporal % 100, -up * frequency % 16, right * frequency % 16)
    assert power[place] == pytest.approx(0.3)
    power[place] = power[temporal, up * frequency % 16, -right * frequency % 16] = 0
    assert power.max() < 1e-12


@pytest.mark.parametrize("orientation", [0, 45, 90, 135])
def test_flashed_bars_lie_along_the_orientation(orientation):
    """Along its bars a grating is constant."""
    session = protocols.flashed_gratings(orientations=orientation, spatial_frequencies=4)
    (frame,) = session.frames(0)
    step = {0: (0, 1), 45: (-1, 1), 90: (1, 0), 135: (-1, -1)}[orientation]
    moved = np.roll(frame, (-step[0], -step[1]), (0, 1))
    inside = (slice(2, -2), slice(2, -2))
    np.testing.assert_allclose(moved[inside], frame[inside], atol=1e-12)


@given(
    orientation=st.floats(0, 180, exclude_max=True),
    frequency=st.floats(0.5, 7),
    contrast=st.floats(0.01, 1),
    phase=st.floats(0, 360),
)
def test_flashed_and_drifting_gratings_agree(orientation, frequency, contrast, phase):
    flashed = protocols.flashed_gratings(
        orientations=orientation, spatial_frequencies=frequency, contrasts=contrast, phases=phase
    )
    drawn = flashed.frames(0)[0]
    assert abs(drawn).max() <= contrast + 1e-12
    direction = flashed.drawings[0].direction
    assert -90 < direction <= 90
    drifting = protocols.drifting_gratings(
        directions=direction, spatial_frequencies=frequency, contrasts=contrast, phases=phase,
        duration=10 * ms,
    )  # fmt: skip
    np.testing.assert_array_equal(drifting.frames(0)[0], drawn)
    assert drifting.conditions["orientation"][0] == pytest.approx(orientation, abs=1e-9)


def test_degrees():
    """A patch of half a degree, 16 pixels: 4 cycles per degree are 2 cycles per patch."""
    degrees = protocols.flashed_gratings(
        orientations=90, spatial_frequencies=4, diameters=0.25, centre=(0.125, -0.0625),
        degrees_per_patch=0.5,
    )  # fmt: skip
    pixels = protocols.flashed_gratings(
        orientations=90, spatial_frequencies=2, diameters=8, centre=(4, -2)
    )
    np.testing.assert_allclose(degrees.frames(0), pixels.frames(0), atol=1e-12)
    assert degrees.units["spatial_frequency"] == "cycles/degree"
    assert degrees.units["diameter"] == "degree"
    assert degrees.conditions["spatial_frequency"][0] == 4


def test_the_patch_is_its_width():
    session = protocols.flashed_gratings(orientations=90, spatial_frequencies=3, shape=(10, 24))
    power = spectrum(session.frames(0)[0])
    assert power[0, 3] == pytest.approx(0.5)


def test_blank():
    session = protocols.drifting_gratings(
        directions=[0, 90], spatial_frequencies=1, repeats=2, blank=True, duration=20 * ms
    )
    assert session.n_stimuli == 3
    np.testing.assert_array_equal(session.conditions["contrast"], [1, 1, 0] * 2)
    np.testing.assert_array_equal(session.conditions["direction"], [0, 90, np.nan] * 2)
    assert not session.frames(2).any()
    with pytest.raises(TypeError, match="blank must be True or False"):
        protocols.flashed_gratings(orientations=0, spatial_frequencies=1, blank="no")


def test_size_tuning():
    session = protocols.size_tuning(
        diameters=[4, 8, 12], direction=90, spatial_frequency=2, centre=(1, 2), repeats=3
    )
    assert session.name == "size tuning"
    np.testing.assert_array_equal(session.conditions["diameter"], [4, 8, 12] * 3)
    lit = [(session.frames(i) != 0).any(axis=0).sum() for i in range(3)]
    for diameter, area in zip([4, 8], lit, strict=False):
        assert area == pytest.approx(np.pi * (diameter + 1) ** 2 / 4, rel=0.35)
    assert lit == sorted(lit)


def test_plaids():
    session = protocols.plaids(
        orientations=[0, 45], spatial_frequencies=4, contrasts=[0, 0.3], mask_contrasts=[0, 0.6]
    )
    assert session.n_stimuli == 8
    np.testing.assert_array_equal(
        session.conditions["mask_orientation"], (session.conditions["orientation"] + 90) % 180
    )
    shown = rows(session, "orientation", "contrast", "mask_contrast")
    frames = {row: session.frames(i)[0] for i, row in enumerate(shown)}
    for orientation in (0, 45):
        np.testing.assert_allclose(
            frames[orientation, 0.3, 0.6],
            frames[orientation, 0.3, 0] + frames[orientation, 0, 0.6],
        )
        assert not frames[orientation, 0, 0].any()
    # A horizontal grating of .3 and a vertical mask of .6.
    power = spectrum(frames[0, 0.3, 0.6])
    assert power[4, 0] == pytest.approx(0.15)
    assert power[0, 4] == pytest.approx(0.3)


@pytest.mark.parametrize("angle", [30, 60])
def test_masks_at_other_angles(angle):
    session = protocols.plaids(
        orientations=20, spatial_frequencies=2, contrasts=0, mask_contrasts=0.5, mask_angle=angle,
        mask_phases=70,
    )  # fmt: skip
    alone = protocols.flashed_gratings(
        orientations=20 + angle, spatial_frequencies=2, contrasts=0.5, phases=70
    )
    np.testing.assert_allclose(session.frames(0), alone.frames(0), atol=1e-12)


def test_contrast_steps():
    session = protocols.contrast_steps(
        contrasts=[[0.1, 0.8, 0.1], [0.8, 0.1, 0.8]], direction=30, spatial_frequency=3,
        step_duration=100 * ms, dt=0.1 * ms,
    )  # fmt: skip
    np.testing.assert_array_equal(session.frame_steps, [1000] * 3)
    frames = session.frames(0)
    np.testing.assert_allclose(frames[1], 8 * frames[0], rtol=1e-9)
    np.testing.assert_array_equal(frames[2], frames[0])
    np.testing.assert_array_equal(session.conditions["contrast_1"], [0.8, 0.1])
    drifting = protocols.contrast_steps(
        contrasts=[[0.1, 0.8]], direction=0, spatial_frequency=2, temporal_frequency=5 * Hz,
        step_duration=200 * ms,
    )  # fmt: skip
    frames = drifting.frames(0)
    assert len(frames) == 40
    monitor = protocols.contrast_steps(  # step and frames are rounded to time steps
        contrasts=[[0.0, 0.5, 0.0]], direction=0, spatial_frequency=2, temporal_frequency=1 * Hz,
        step_duration=100 * ms, frame_duration=100 / 6 * ms, dt=0.1 * ms,
    )  # fmt: skip
    lit = (monitor.frames(0) != 0).any(axis=(1, 2))
    np.testing.assert_array_equal(lit, [False] * 6 + [True] * 6 + [False] * 6)
    for step, contrast in ((frames[:20], 0.1), (frames[20:], 0.8)):
        assert spectrum(step)[-1, 0, 2] == pytest.approx(contrast / 2)  # a period in 20 frames


GOOD = {"directions": 0, "spatial_frequencies": 2}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"spatial_frequencies": 8}, ValueError, "must be below 8 cycles/patch .*got 8"),
        ({"spatial_frequencies": [1, 9]}, ValueError, "spatial_frequencies must be below 8"),
        ({"spatial_frequencies": 0}, ValueError, "spatial_frequencies must be > 0"),
        ({"spatial_frequencies": "1"}, TypeError, "spatial_frequencies must hold real numbers"),
        (
            {"spatial_frequencies": 4, "degrees_per_patch": 2},
            ValueError, "below 4 cycles/degree",
        ),
        ({"directions": []}, ValueError, "directions is empty"),
        ({"directions": [np.nan]}, ValueError, "directions must be finite"),
        ({"contrasts": 1.1}, ValueError, "contrasts must be >= 0 and <= 1, got 1.1"),
        ({"contrasts": [-0.1]}, ValueError, "contrasts must be >= 0"),
        ({"diameters": 0}, ValueError, "diameters must be > 0"),
        ({"temporal_frequencies": 2}, TypeError, "temporal_frequencies must be in hertz"),
        ({"temporal_frequencies": 2 * ms}, TypeError, "temporal_frequencies must be in hertz"),
        ({"temporal_frequencies": 50 * Hz}, ValueError, "must be below 50 Hz .*got 50 Hz"),
        ({"temporal_frequencies": -1 * Hz}, ValueError, "temporal_frequencies must be >= 0"),
        ({"duration": 15 * ms}, ValueError, "duration must be a whole number of frames of 10 ms"),
        ({"duration": 1000}, TypeError, "duration must be a time"),
        ({"frame_duration": 0 * ms}, ValueError, "frame_duration must be positive"),
        ({"degrees_per_patch": 0}, ValueError, "degrees_per_patch must be > 0"),
        ({"centre": 3}, TypeError, "centre must be .right, up"),
        ({"centre": (0, "1")}, TypeError, r"centre\[1\] must be a number"),
        ({"shape": 16}, TypeError, "shape must be"),
        ({"repeats": 0}, ValueError, "repeats must be at least 1"),
        ({"repeat": 3}, TypeError, "unexpected keyword argument 'repeat'"),
    ],
)  # fmt: skip
def test_bad_arguments(changes, error, message):
    with pytest.raises(error, match=message):
        protocols.drifting_gratings(**(GOOD | changes))


def test_bad_plaids_and_steps():
    with pytest.raises(ValueError, match="must not add up to more than 1, got 0.5 and 0.6"):
        protocols.plaids(orientations=0, spatial_frequencies=1, contrasts=0.5, mask_contrasts=0.6)
    with pytest.raises(ValueError, match="mask_contrasts must be >= 0"):
        protocols.plaids(orientations=0, spatial_frequencies=1, mask_contrasts=-0.6)
    steps = {"direction": 0, "spatial_frequency": 1}
    with pytest.raises(ValueError, match="contrasts must be a rectangular array"):
        protocols.contrast_steps(contrasts=[[0.1, 0.2], [0.3]], **steps)
    with pytest.raises(ValueError, match="contrasts must be >= 0 and <= 1"):
        protocols.contrast_steps(contrasts=[[0.1, 2]], **steps)
    with pytest.raises(ValueError, match="temporal_frequency must be below 50 Hz"):
        protocols.contrast_steps(contrasts=[[0.1]], temporal_frequency=60 * Hz, **steps)
