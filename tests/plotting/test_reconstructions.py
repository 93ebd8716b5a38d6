"""Images are those that were shown and decoded."""

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Response, SpikingNetwork, Timing, plotting

N_NEURONS, SHAPE, RECORDED = 12, (4, 4), (7, 2, 9)


def test_reconstructions_are_those_of_the_response(response, stimuli):
    axes = plotting.plot_reconstructions(response, [2, 0], window=3)
    assert axes.shape == (3, 2)
    expected = (
        stimuli,
        response.reconstruction(3, "counts"),
        response.reconstruction(3, "expected_counts"),
    )
    for column, i in enumerate((2, 0)):
        for ax, pixels in zip(axes[:, column], expected, strict=True):
            np.testing.assert_allclose(ax.images[0].get_array(), pixels[i].reshape(SHAPE))
            limit = np.abs(stimuli[i]).max()
            assert ax.images[0].get_clim() == pytest.approx((-limit, limit))
        spikes = response.counts[i, 3].sum()
        assert axes[0, column].get_title() == f"stimulus {i}"
        assert axes[1, column].get_title() == f"R² {response.r2(3)[i]:.2f}\n{spikes} spikes"
        assert axes[2, column].get_title() == f"R² {response.r2(3, 'expected_counts')[i]:.2f}"
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["stimulus", "spike counts", "expected counts"]


def test_reconstructions_show_all_of_a_few_stimuli_and_take_axes(response, plt):
    given = plt.figure().subplots(3, 3)
    axes = plotting.plot_reconstructions(response, axes=given)
    assert all(a is b for a, b in zip(axes.flat, given.flat, strict=True))
    assert plt.get_fignums() == [given[0, 0].figure.number]


def test_constant_stimulus_has_no_r2(parameters):
    response = SpikingNetwork(parameters, dt=1 * ms).present(np.zeros(16), 40 * ms, seed=0)
    axes = plotting.plot_reconstructions(response)
    assert axes[2, 0].get_title() == "R² undefined"


def test_movie_shows_real_frames_and_what_their_last_windows_say(movie, stimuli):
    axes = plotting.plot_reconstructions(movie)
    assert axes.shape == (3, 3)
    for i, (column, w) in enumerate(zip(axes.T, (1, 3, 5), strict=True)):
        frame, counts, expected = (ax.images[0].get_array().ravel() for ax in column)
        np.testing.assert_array_equal(frame, stimuli[i])
        phi = movie.parameters.dictionary
        np.testing.assert_allclose(counts, phi @ movie.counts[0, w])
        np.testing.assert_allclose(expected, phi @ movie.expected_counts[0, w])
        assert column[0].get_title() == f"frame {i}"
        r2 = 1 - ((frame - counts) ** 2).sum() / ((frame - frame.mean()) ** 2).sum()
        assert column[1].get_title() == f"R² {r2:.2f}\n{movie.counts[0, w].sum()} spikes"


def test_window_of_a_movie_shows_the_frame_that_it_sees_longest(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms)
    movie = network.present_movie(np.stack([stimuli, stimuli[::-1]]), 33 * ms, seed=0)
    axes = plotting.plot_reconstructions(movie, [1], window=1)  # 13 ms of frame 0, 7 of frame 1
    np.testing.assert_array_equal(axes[0, 0].images[0].get_array().ravel(), stimuli[2])
    assert axes[0, 0].get_title() == "movie 1, frame 0"


def test_new_axes_have_a_scale_of_grey_beside_them(response, plt):
    axes = plotting.plot_reconstructions(response)
    (scale,) = [ax for ax in axes[0, 0].figure.axes if ax not in list(axes.flat)]
    assert [label.get_text() for label in scale.get_yticklabels()] == ["−max", "0", "max"]


def test_grey_before_and_after_is_no_stimulus(response):
    r = response
    timing = Timing(0.001, 170, 20, 0.02, frame_steps=(90,), before=0.02)
    around = Response(r.parameters, r.frames, timing, r.counts, r.expected_counts)
    axes = plotting.plot_reconstructions(around, [1])
    decoded = r.parameters.decode(r.counts[1, 4])  # the last window within the 90 steps
    np.testing.assert_allclose(axes[1, 0].images[0].get_array().ravel(), decoded)
    plotting.plot_convergence(around)
