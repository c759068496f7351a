"""HTTP, one port: REST from the catalog, health and metrics, and the other protocols beside them."""
