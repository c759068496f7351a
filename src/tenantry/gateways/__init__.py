"""Ways in: projections of the catalog, one protocol each."""
