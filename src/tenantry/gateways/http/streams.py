"""What answers as server-sent events have in common."""

from __future__ import annotations

BEAT = 15.0
"""Seconds of silence after which a comment keeps proxies from hanging up."""
NOTHING_NEW = b": nothing new\n\n"
"""The comment."""
HEADERS = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",  # nginx, and those that follow it, pass on each event as it comes
}
