"""Forecasts of monthly amounts of many tenants: numpy alone, every series of one length at once."""

from .outlook import TOTAL, Outlook, outlooks
from .rolling import HORIZON, MEASURES, PLACES, Panel
from .scores import Score

__all__ = ["HORIZON", "MEASURES", "PLACES", "TOTAL", "Outlook", "Panel", "Score", "outlooks"]
