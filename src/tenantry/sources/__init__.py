"""Connectors: whose files we read, and how their columns become landing datasets."""
