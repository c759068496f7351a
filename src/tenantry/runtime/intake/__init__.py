"""The live intake: what comes in over the network, one by one; each with its verdict, none lost, none twice."""

from ...engine.otlp_http import failure, reply, request_records
from .intake import Intake, Limits
from .parcel import Parcel

__all__ = ["Intake", "Limits", "Parcel", "failure", "reply", "request_records"]
