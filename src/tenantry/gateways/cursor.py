"""Where a reader of pages goes on, as text that a client holds."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date

from ..errors import invalid
from ..runtime.reader import Place


class Cursor:
    """Where the next page begins, and of which versions of the tables: a page is never lost to a new version."""

    def __init__(self, versions: Mapping[str, int], place: Place) -> None:
        self.versions = versions
        self.place = place

    def text(self) -> str:
        """For a client to hand back as it is."""
        day = self.place.day and self.place.day.isoformat()
        document = json.dumps([dict(self.versions), day, self.place.skip], separators=(",", ":"))
        return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Raises `invalid` for what no page gave."""
        try:
            versions, day, skip = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            found = {str(table): int(version) for table, version in versions.items()}
            place = Place(date.fromisoformat(day) if day else None, int(skip))
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise invalid("cursor: not one that a page gave", "take `next` of a page as it is") from None
        if place.skip < 0 or not found:
            raise invalid("cursor: not one that a page gave", "take `next` of a page as it is")
        return cls(found, place)
