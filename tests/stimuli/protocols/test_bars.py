import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian.stimuli import protocols


def middle(frame):
    """Where a light bar is: pixels right of and above the middle of the patch."""
    height, width = frame.shape
    x = np.arange(width) - (width - 1) / 2
    y = (height - 1) / 2 - np.arange(height)
    return (frame @ x).sum() / frame.sum(), (frame.T @ y).sum() / frame.sum()


def test_flashed_bars_are_where_they_should_be():
    session = protocols.flashed_bars(
        orientations=[0, 90], positions=[-4, 0, 3], width=2, contrasts=1, shape=(24, 24)
    )
    names = ("orientation", "position")
    for i, (orientation, position) in enumerate(
        zip(*(session.conditions[n] for n in names), strict=True)
    ):
        (frame,) = session.frames(i)
        expected = (0, position) if orientation == 0 else (position, 0)
        np.testing.assert_allclose(middle(frame), expected, atol=1e-9)
        assert frame.sum() == pytest.approx(2 * 24)
        along = frame.std(axis=1 if orientation == 0 else 0)  # constant along the bar
        np.testing.assert_allclose(along, 0, atol=1e-12)


def test_light_and_dark():
    session = protocols.flashed_bars(orientations=45, positions=1, width=3)
    light, dark = session.frames(0)[0], session.frames(1)[0]
    np.testing.assert_array_equal(dark, -light)
    assert light.max() == pytest.approx(1)
    assert light.min() == 0


def test_length_centre_and_degrees():
    pixels = protocols.flashed_bars(
        orientations=90, positions=2, width=2, length=6, centre=(1, -3), contrasts=0.5,
        shape=(32, 32),
    )  # fmt: skip
    (frame,) = pixels.frames(0)
    assert frame.sum() == pytest.approx(0.5 * 2 * 6)
    np.testing.assert_allclose(middle(frame), (1 + 2, -3), atol=1e-9)
    degrees = protocols.flashed_bars(
        orientations=90, positions=1, width=1, length=3, centre=(0.5, -1.5), contrasts=0.5,
        shape=(32, 32), degrees_per_patch=16,
    )  # fmt: skip
    np.testing.assert_allclose(degrees.frames(0)[0], frame, atol=1e-12)
    assert degrees.units["position"] == "degree"


@pytest.mark.parametrize("direction", [0, 45, 90, 180, 300])
def test_moving_bars(direction):
    session = protocols.moving_bars(
        directions=direction, speed=100, width=2, length=4, path=12, shape=(40, 40)
    )
    assert len(session.frame_steps) == 12
    assert session.conditions["orientation"][0] == (direction + 90) % 180
    angle = np.deg2rad(direction)
    for i, frame in enumerate(session.frames(0)):
        place = -6 + 100 * 0.01 * i
        expected = place * np.cos(angle), place * np.sin(angle)
        np.testing.assert_allclose(middle(frame), expected, atol=0.15)


@pytest.mark.parametrize("direction", range(0, 360, 30))
def test_bars_come_from_outside_and_leave(direction):
    session = protocols.moving_bars(directions=direction, speed=200, width=3)
    frames = session.frames(0)
    assert np.abs(frames[0]).max() < 0.6 and np.abs(frames[len(frames) // 2]).max() > 0.9
    seen = frames.max(axis=0)
    assert seen.min() > 0.5  # every pixel has been under the bar
    after = session.drawings[0].position + session.drawings[0].speed * 0.01 * len(frames)
    assert after >= (np.hypot(16, 16) + 3) / 2 - 1e-9


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"width": 0}, ValueError, "width must be > 0"),
        ({"width": None}, TypeError, "width must be a number"),
        ({"length": -1}, ValueError, "length must be > 0"),
        ({"contrasts": -1.5}, ValueError, "contrasts must be >= -1 and <= 1"),
        ({"speed": 0}, ValueError, "speed must be > 0"),
        ({"path": 0}, ValueError, "path must be > 0"),
        ({"frame_duration": 10}, TypeError, "frame_duration must be a time"),
        ({"directions": "up"}, TypeError, "directions must hold real numbers"),
    ],
)
def test_bad_arguments(changes, error, message):
    arguments = {"directions": 0, "speed": 10, "width": 2} | changes
    with pytest.raises(error, match=message):
        protocols.moving_bars(**arguments)
    if not set(changes) & {"speed", "path", "frame_duration", "directions"}:
        flashed = {"orientations": 0, "positions": 0, "width": 2} | changes
        with pytest.raises(error, match=message):
            protocols.flashed_bars(**flashed)


def test_times():
    session = protocols.flashed_bars(orientations=0, positions=0, width=1, duration=50 * ms)
    np.testing.assert_allclose(session.durations / ms, [200, 50])
