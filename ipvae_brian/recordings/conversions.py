"""What recordings are turned into: methods of `Recording`; a module for each format does it."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from ipvae_brian._tools.types import Time
from ipvae_brian.recordings.csv_files import write_csv
from ipvae_brian.recordings.files import write_recording
from ipvae_brian.recordings.neo import write_neo
from ipvae_brian.recordings.nwb import write_nwb
from ipvae_brian.recordings.pynapple import PynappleSession, write_pynapple
from ipvae_brian.recordings.tables import dataframe

if TYPE_CHECKING:
    import neo
    import pandas


class Conversions:
    """What `Recording` can be turned into."""

    def to_csv(
        self, path: str | PathLike, *, start: Time | None = None, gap: Time | None = None
    ) -> None:
        """Write spikes, trials and units to three CSV files.

        Trials are laid on one time axis in their order, one after another, each on a whole
        millisecond, wherever they were recorded or simulated.

        Parameters
        ----------
        path : path-like
            Of the spikes; the others are ``session.trials.csv`` and ``session.units.csv`` beside
            ``session.csv``. Times in them are seconds.
        start : Quantity, optional
            When the first trial begins; by default at 0.
        gap : Quantity, optional
            Between trials; by default 100 ms.

        Raises
        ------
        ValueError
            If spike times were not recorded, or a condition has several values in each trial.
        """
        write_csv(self, path, start, gap)

    def to_dataframe(self, kind: Literal["counts", "spikes"] = "counts") -> pandas.DataFrame:
        """Return a table with a row for every count, or for every spike.

        Parameters
        ----------
        kind : {"counts", "spikes"}, default "counts"
            "counts" has the columns trial, window, neuron, time (its beginning, in seconds from
            the onset of the stimulus), count and, of a response, expected_count; "spikes" has
            trial, neuron, time and count. Conditions of the trial come after them.

        Raises
        ------
        ImportError
            If pandas is not installed; the extra "tables" has it.
        ValueError
            If spikes are asked for and were not recorded.
        """
        return dataframe(self, kind)

    def to_nwb(
        self,
        path: str | PathLike,
        *,
        start: Time | None = None,
        gap: Time | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Write units, their spikes and the table of trials to an NWB file.

        Parameters
        ----------
        path : path-like
        start, gap : Quantity, optional
            How trials are laid on one time axis, as for `to_csv`. That nothing was recorded
            between them is in the units' obs_intervals.
        metadata : mapping of str to object, optional
            Arguments of ``pynwb.NWBFile``, such as session_description, identifier,
            session_start_time, experimenter or subject. By default the session starts now, and
            the subject is "simulation" or "unknown".

        Raises
        ------
        ValueError, TypeError
            If spike times were not recorded, or a name or a value is none that NWB can have.
        ImportError
            If pynwb is not installed; the extra "nwb" has it.
        """
        write_nwb(self, path, start, gap, metadata)

    def to_neo(
        self,
        layout: Literal["trials", "session"] = "trials",
        *,
        start: Time | None = None,
        gap: Time | None = None,
    ) -> neo.Block:
        """Return a block of neo, with the conditions of trials and units as annotations.

        Parameters
        ----------
        layout : {"trials", "session"}, default "trials"
            A segment for each trial, in which 0 is the onset of the stimulus, as elephant's
            functions of trials take them; or one segment with all trials on one time axis and an
            epoch "trials".
        start, gap : Quantity, optional
            How trials are laid on one time axis, as for `to_csv`.

        Raises
        ------
        ValueError
            If spike times were not recorded, or a name is none that an annotation can have.
        ImportError
            If neo is not installed; the extra "neo" has it.
        """
        return write_neo(self, layout, start, gap)

    def to_pynapple(self, *, start: Time | None = None, gap: Time | None = None) -> PynappleSession:
        """Return the spikes as a TsGroup and the trials as an IntervalSet of pynapple.

        Parameters
        ----------
        start, gap : Quantity, optional
            How trials are laid on one time axis, as for `to_csv`. The time support of the spikes
            are the trials, so that rates are those while something was recorded.

        Returns
        -------
        spikes : pynapple.TsGroup
            In the order of ``units["id"]``, as always in pynapple.
        trials : pynapple.IntervalSet
            The stimuli, with their conditions as metadata.

        Raises
        ------
        ValueError
            If spike times were not recorded, or a name is one of pynapple's own.
        ImportError
            If pynapple is not installed; the extra "pynapple" has it.
        """
        return write_pynapple(self, start, gap)

    def save(self, path: str | PathLike) -> None:
        """Write all there is of the recording to `path` (.npz, no pickle)."""
        write_recording(path, self)
