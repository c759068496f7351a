"""Who may do what: API tokens, sessions of people, limits, and the refusals that are written down."""

from .limits import Buckets, Rate
from .refusals import Refusals
from .sessions import Login, Session, Sessions
from .tokens import Token, Tokens

__all__ = ["Buckets", "Login", "Rate", "Refusals", "Session", "Sessions", "Token", "Tokens"]
