"""Verbs: what the product does with what content declares."""
