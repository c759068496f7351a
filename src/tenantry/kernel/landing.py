"""The ledger of what came in: every row of every file is accepted, quarantined or left out for a stated reason."""

from __future__ import annotations

from typing import ClassVar

from .dataset import Count, Dataset, Dimension, Key, Note, OptionalDimension, Time


class Deliveries(Dataset):
    """One landed file and one dataset it filled: rows = accepted + quarantined + left_out, always.

    `bytes` is the size of the content, unpacked. A log that has grown begins with what was delivered before: that is
    `superseded_by` it, and its rows are the newer file's.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("delivery", "dataset")

    delivery: Key
    dataset: Key
    source: Dimension
    file: Dimension
    bytes: Count
    landed_at: Time
    rows: Count
    accepted: Count
    quarantined: Count
    left_out: Count
    superseded_by: OptionalDimension
    note: Note


class Quarantine(Dataset):
    """One row that could not be read, with where it stood and why; `content` is the row as it came."""

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("delivery", "dataset", "row")

    delivery: Key
    dataset: Key
    row: Count
    file: Dimension
    reason: Dimension
    content: Note
