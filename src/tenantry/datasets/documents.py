"""Descriptions of the vendor's own APIs."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Dataset, Dimension, Key


class ApiDocuments(Dataset):
    """An OpenAPI document, as JSON. One that lands with the title and server of an earlier one takes its place."""

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("title", "server")

    title: Key
    server: Key
    version: Dimension
    delivery: Dimension
    document: Dimension
