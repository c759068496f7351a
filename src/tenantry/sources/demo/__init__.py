"""The demo vendor: a made-up SaaS company whose files come with the truth."""

from .vendor import write_vendor

__all__ = ["write_vendor"]
