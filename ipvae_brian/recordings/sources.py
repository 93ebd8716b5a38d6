"""What recordings are made from: methods of `Recording`; a module for each format does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Self

from numpy.typing import ArrayLike

from ipvae_brian._tools.types import Time
from ipvae_brian.recordings.binned import BY_CONDITION, binned_parts, counts_parts
from ipvae_brian.recordings.csv_files import read_csv
from ipvae_brian.recordings.cutting import Cut
from ipvae_brian.recordings.files import read_recording
from ipvae_brian.recordings.neo import read_neo
from ipvae_brian.recordings.nwb import read_nwb
from ipvae_brian.recordings.pynapple import read_pynapple
from ipvae_brian.recordings.spike_tables import checked_names, read_tables

if TYPE_CHECKING:
    import neo
    import pynapple

Faults = Literal["raise", "drop"]


class Sources:
    """What `Recording` can be made from."""

    @classmethod
    def _made(cls, parts: Mapping[str, Any], cut: Cut | None = None) -> Any:
        """Return the recording of these arguments, and warn of what was found on the way."""
        raise NotImplementedError

    @classmethod
    def from_counts(
        cls,
        counts: ArrayLike,
        conditions: Mapping[str, ArrayLike],
        window: Time,
        *,
        units: Mapping[str, ArrayLike] | None = None,
    ) -> Self:
        """Return the recording of one count for each unit, condition and repeat.

        Parameters
        ----------
        counts : array_like of int, shape (n_units, n_conditions, n_repeats)
            Spikes in every repeat. NaN in all units stands for a repeat that was not run, where
            conditions have different numbers of them.
        conditions : mapping of str to array_like, shape (n_conditions,)
            What was varied.
        window : Quantity
            How long spikes were counted, from the onset of the stimulus.
        units : mapping of str to array_like, shape (n_units,), optional
            What is known of the units.

        Returns
        -------
        Recording
            Its trials are the repeats of the first condition, then those of the second, ...; the
            condition "repeat" is their number.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or shape, or counts are no whole numbers.

        Examples
        --------
        Two units, two orientations, three repeats of the first and two of the second.

        >>> import numpy as np
        >>> from brian2 import ms
        >>> from ipvae_brian import Recording
        >>> counts = [[[4, 5, 3], [0, 1, np.nan]], [[2, 2, 1], [9, 8, np.nan]]]
        >>> recording = Recording.from_counts(counts, {"orientation": [0, 90]}, 500 * ms)
        >>> recording.conditions["orientation"], recording.counts[:, 0, 1]
        (array([ 0,  0,  0, 90, 90]), array([2, 2, 1, 9, 8]))
        """
        return cls._made(counts_parts(counts, conditions, window, units))

    @classmethod
    def from_binned(
        cls,
        counts: ArrayLike,
        conditions: Mapping[str, ArrayLike],
        width: Time,
        *,
        before: Time | None = None,
        duration: Time | None = None,
        axes: Sequence[str] = BY_CONDITION,
        units: Mapping[str, ArrayLike] | None = None,
    ) -> Self:
        """Return the recording of counts in bins.

        Parameters
        ----------
        counts : array_like of int
            Spikes in every bin, with the axes `axes`. NaN in all bins and units stands for a
            repeat that was not run.
        conditions : mapping of str to array_like, shape (n_conditions,)
            What was varied; with an axis "trial", an entry for each trial.
        width : Quantity
            Width of the bins.
        before : Quantity, optional
            Bins before the onset of the stimulus, as a time; by default there are none.
        duration : Quantity, optional
            How long the stimulus was shown; by default to the end of the bins.
        axes : sequence of str, default ("unit", "condition", "bin", "repeat")
            What each axis of `counts` is: these four or "unit", "trial" and "bin", in any order.
        units : mapping of str to array_like, shape (n_units,), optional
            What is known of the units.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or shape, or counts are no whole numbers.

        Examples
        --------
        Eight bins of 50 ms, two of them before the onset; 3 units, 4 directions, 5 repeats.

        >>> import numpy as np
        >>> from brian2 import ms
        >>> from ipvae_brian import Recording
        >>> counts = np.random.default_rng(0).poisson(1, (3, 4, 8, 5))
        >>> direction = {"direction": [0, 90, 180, 270]}
        >>> Recording.from_binned(counts, direction, 50 * ms, before=100 * ms)
        <Recording 20 trials x 8 windows of 50 ms x 3 neurons>
        """
        return cls._made(binned_parts(counts, conditions, width, before, duration, axes, units))

    @classmethod
    def from_tables(
        cls,
        spikes: Any,
        trials: Any,
        units: Any = None,
        *,
        columns: Mapping[str, str] | None = None,
        times_in: Time | None = None,
        before: Time | None = None,
        after: Time | None = None,
        duration: Time | None = None,
        window: Time | None = None,
        dt: Time | None = None,
        faults: Faults = "raise",
    ) -> Self:
        """Return the recording of a table of spikes and a table of trials.

        Spikes are cut by trial, from `before` the onset of the stimulus until `after` its end, and
        keep their times. Trials keep their order and all their conditions; missing values (empty,
        NaN, "null") are NaN, which stands for blanks, a condition like others. Conditions may have
        different numbers of trials.

        Parameters
        ----------
        spikes : DataFrame or mapping
            Columns "unit" (a whole number or a name, such as "01") and "time", one row for each
            spike.
        trials : DataFrame or mapping
            Columns "start_time" and "stop_time" of the stimulus, and one for each condition.
        units : DataFrame or mapping, optional
            A column "id" with all units, and what is known of them. Without it, units without
            spikes do not exist.
        columns : mapping of str to str, optional
            Other names: ``columns={"orientation": "ori"}`` takes orientations from a column "ori".
        times_in : Quantity, optional
            The unit of all times in the tables; by default seconds.
        before, after : Quantity, optional
            How long before and after the stimulus spikes belong to its trial; by default 0.
        duration : Quantity, optional
            How long stimuli last. By default what the table says; stimuli whose lengths differ
            by less than 2% or one time step have that of the shortest, others need it stated.
        window : Quantity, optional
            Width of the windows of counts; by default 10 time steps.
        dt : Quantity, optional
            Resolution of the windows; by default 1 ms.
        faults : {"raise", "drop"}, default "raise"
            What to do about spike times that are NaN, negative or outside of what was observed,
            and about trials without times, within others, not observed from beginning to end, or
            in times that the file calls invalid: an error, or to leave them out with a warning.

        Raises
        ------
        TypeError, ValueError
            If an argument or a table is not as it has to be; the message names it.

        Warns
        -----
        RecordingWarning
            If spike times had to be sorted, units have no spikes, trials share spikes or come
            after the last spike, columns hold neither numbers nor text, or faults were left out.

        Examples
        --------
        >>> from brian2 import ms
        >>> from ipvae_brian import Recording
        >>> spikes = {"unit": [7, 7, 9, 7], "time": [1.012, 1.055, 1.1, 2.31]}
        >>> trials = {"start_time": [1.0, 2.0], "stop_time": [1.5, 2.5], "orientation": [0, 90]}
        >>> recording = Recording.from_tables(spikes, trials, window=100 * ms)
        >>> recording.spike_times(neuron=0, trial=0)
        array([0.012, 0.055])
        """
        cut = Cut.checked(
            before=before, after=after, duration=duration, window=window, dt=dt, faults=faults
        )
        return cls._made(read_tables(spikes, trials, units, columns, times_in, cut), cut)

    @classmethod
    def from_csv(
        cls,
        path: str | PathLike,
        trials: str | PathLike | None = None,
        units: str | PathLike | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        times_in: Time | None = None,
        before: Time | None = None,
        after: Time | None = None,
        duration: Time | None = None,
        window: Time | None = None,
        dt: Time | None = None,
        faults: Faults = "raise",
    ) -> Self:
        """Read a recording from CSV files of spikes, trials and perhaps units.

        Parameters
        ----------
        path : path-like
            Spikes, with a first line ``unit,time``.
        trials, units : path-like, optional
            The other tables; by default ``session.trials.csv`` and, if there is one,
            ``session.units.csv`` beside ``session.csv``.
        columns, times_in, before, after, duration, window, dt, faults
            As for `from_tables`, which also says what each table has.

        Raises
        ------
        FileNotFoundError
            If a file is not there.
        FileFormatError
            If a file is no table, or a table is not as it has to be; the message names both.
        """
        cut = Cut.checked(
            before=before, after=after, duration=duration, window=window, dt=dt, faults=faults
        )
        return cls._made(read_csv(path, trials, units, columns, times_in, cut), cut)

    @classmethod
    def from_nwb(
        cls,
        file: Any,
        trials: str | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        before: Time | None = None,
        after: Time | None = None,
        duration: Time | None = None,
        window: Time | None = None,
        dt: Time | None = None,
        faults: Faults = "raise",
    ) -> Self:
        """Read a recording from an NWB file.

        Parameters
        ----------
        file : path-like or pynwb.NWBFile
            A file, or one that is open already, such as a remote one.
        trials : str, optional
            The table of intervals that has the trials: "trials", "epochs" or any other. By
            default the only one that has columns of the stimulus, that is, columns besides
            start_time, stop_time, tags and timeseries.
        columns : mapping of str to str, optional
            Other names of its columns: ``columns={"orientation": "ori"}``. Where start_time is
            not the onset of the stimulus, name the column that is:
            ``columns={"start_time": "stimulus_on", "stop_time": "stimulus_off"}``; the others are
            then the conditions "trial_start_time" and "trial_stop_time".
        before, after, duration, window, dt, faults
            As for `from_tables`; of a file that `to_nwb` has written, the default is what the
            recording had.

        Returns
        -------
        Recording
            ``units["id"]`` has the ids of the units. Columns that have a list in each row, and
            references to electrodes, are left out.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FileFormatError
            If it is damaged, has no spike times or no such table, or these are not as they have
            to be. If no table or several may be the trials, it lists all with their columns.
        ImportError
            If pynwb is not installed; the extra "nwb" has it.

        Examples
        --------
        >>> from brian2 import ms
        >>> from ipvae_brian import Recording
        >>> spikes = {"unit": [7, 7, 9, 7], "time": [1.012, 1.055, 1.1, 2.31]}
        >>> trials = {"start_time": [1.0, 2.0], "stop_time": [1.5, 2.5], "orientation": [0, 90]}
        >>> recording = Recording.from_tables(spikes, trials, before=200 * ms, window=100 * ms)
        >>> recording.to_nwb("session.nwb")
        >>> Recording.from_nwb("session.nwb")
        <Recording 2 trials x 7 windows of 100 ms x 2 neurons, with spikes>
        """
        options = {
            **{"before": before, "after": after, "duration": duration},
            **{"window": window, "dt": dt, "faults": faults},
        }
        return cls._made(*read_nwb(file, trials, checked_names(columns), options))

    @classmethod
    def from_neo(
        cls,
        source: neo.Block | neo.Segment | Sequence[neo.Segment],
        trials: str | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        before: Time | None = None,
        after: Time | None = None,
        duration: Time | None = None,
        window: Time | None = None,
        dt: Time | None = None,
        faults: Faults = "raise",
    ) -> Self:
        """Return the recording of objects of neo, which reads the files of most systems.

        Parameters
        ----------
        source : neo.Block, neo.Segment or list of neo.Segment
            Either a segment for each trial, with a spike train for each unit and conditions as
            annotations. Time 0 is the onset of the stimulus where all segments have it, otherwise
            they begin with it. Or one segment with the whole session, and epochs for the trials.
        trials : str, optional
            Name of the epoch (or, with a `duration`, of the events) that has the trials. By
            default the only one.
        columns : mapping of str to str, optional
            Other names of annotations.
        before, after, duration, window, dt, faults
            As for `from_tables`; of segments, the default is all that they have, and of a block
            of `to_neo` what the recording had.

        Raises
        ------
        TypeError, ValueError
            If it is nothing of neo, has no trials or several that may be them, segments have
            different units, or spikes and trials are not as they have to be.
        ImportError
            If neo is not installed; the extra "neo" has it.

        Examples
        --------
        >>> from ipvae_brian import Recording, Timing
        >>> timing = Timing(dt=0.001, n_steps=200, steps_per_window=100)
        >>> recording = Recording.from_spike_times([[[0.013, 0.15], [0.02]]], timing)
        >>> block = recording.to_neo()
        >>> block.segments[0].spiketrains[0].times
        array([0.013, 0.15 ]) * s
        >>> Recording.from_neo(block)
        <Recording 1 trial x 2 windows of 100 ms x 2 neurons, with spikes>
        """
        options = {
            **{"before": before, "after": after, "duration": duration},
            **{"window": window, "dt": dt, "faults": faults},
        }
        return cls._made(*read_neo(source, trials, checked_names(columns), options))

    @classmethod
    def from_pynapple(
        cls,
        spikes: pynapple.TsGroup,
        trials: pynapple.IntervalSet,
        *,
        columns: Mapping[str, str] | None = None,
        before: Time | None = None,
        after: Time | None = None,
        duration: Time | None = None,
        window: Time | None = None,
        dt: Time | None = None,
        faults: Faults = "raise",
    ) -> Self:
        """Return the recording of spikes and trials of pynapple.

        Parameters
        ----------
        spikes : pynapple.TsGroup
            Its metadata are what is known of the units, its time support what was observed.
        trials : pynapple.IntervalSet
            The stimuli, with their conditions as metadata.
        columns : mapping of str to str, optional
            Other names of the metadata of trials.
        before, after, duration, window, dt, faults
            As for `from_tables`.

        Raises
        ------
        TypeError, ValueError
            If these are no such objects, or spikes and trials are not as they have to be.
        ImportError
            If pynapple is not installed; the extra "pynapple" has it.
        """
        cut = Cut.checked(
            before=before, after=after, duration=duration, window=window, dt=dt, faults=faults
        )
        return cls._made(read_pynapple(spikes, trials, checked_names(columns), cut), cut)

    @classmethod
    def load(cls, path: str | PathLike) -> Self:
        """Read a recording from `path`; of a saved response, what is the recording.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FileFormatError
            If the file is damaged, foreign or newer, or its parts do not agree; the message names
            the file and the field.
        """
        return read_recording(path, cls._made)
