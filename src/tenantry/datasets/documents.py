"""Descriptions of the vendor's own APIs."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Dataset, Dimension, Key, Names


class ApiDocuments(Dataset):
    """An OpenAPI document, as JSON; `name` is its file's. `hosts`, where given, stand for the servers it names."""

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("name", "title", "server")

    name: Key
    title: Key
    server: Key
    version: Dimension
    hosts: Names
    delivery: Dimension
    document: Dimension
