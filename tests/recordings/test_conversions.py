"""Round trips: every spike to a microsecond, ten hours into a session, with all columns."""

import pytest
from hypothesis import HealthCheck, given, settings
from made_recordings import HOURS, assert_same, made_recordings, options

from ipvae_brian import Recording

pytestmark = pytest.mark.filterwarnings("ignore::ipvae_brian.RecordingWarning")
FEW = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def through_nwb(recording, folder):
    pytest.importorskip("pynwb")
    recording.to_nwb(folder / "session.nwb", start=HOURS)
    return Recording.from_nwb(folder / "session.nwb")


def through_csv(recording, folder):
    recording.to_csv(folder / "session.csv", start=HOURS)
    return Recording.from_csv(folder / "session.csv", **options(recording.timing))


def through_npz(recording, folder):
    recording.save(folder / "session.npz")
    return Recording.load(folder / "session.npz")


def through_segments(recording, _):
    pytest.importorskip("neo")
    return Recording.from_neo(recording.to_neo())


def through_epochs(recording, _):
    pytest.importorskip("neo")
    return Recording.from_neo(recording.to_neo("session", start=HOURS))


def through_pynapple(recording, _):
    pytest.importorskip("pynapple")
    session = recording.to_pynapple(start=HOURS)
    return Recording.from_pynapple(*session, **options(recording.timing))


WAYS = [
    through_nwb,
    through_csv,
    through_npz,
    through_segments,
    through_epochs,
]


@pytest.mark.parametrize("through", WAYS, ids=lambda way: way.__name__)
def test_round_trips_keep_everything(through, tmp_path):
    @FEW
    @given(recording=made_recordings())
    def check(recording):
        assert_same(through(recording, tmp_path), recording)

    check()


def test_pynapple_keeps_every_spike_in_its_trial():
    """It rounds times to a nanosecond, which may move one over the edge of a window."""

    @FEW
    @given(recording=made_recordings())
    def check(recording):
        assert_same(through_pynapple(recording, None), recording, same_counts=False)

    check()


@pytest.mark.parametrize("through", [*WAYS, through_pynapple], ids=lambda way: way.__name__)
def test_round_trip_of_a_usual_recording(through, recording, tmp_path):
    found = through(recording, tmp_path)
    assert_same(found, recording)
    assert found.timing.window == recording.timing.window
    assert found.timing.frame_steps == recording.timing.frame_steps
    # Units keep their order, but for pynapple, which has its own.
    ids = list(recording.units["id"])
    assert list(found.units["id"]) == (sorted(ids) if through is through_pynapple else ids)
