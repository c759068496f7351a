"""The machine's engine room: tables, files and SQL. It knows datasets, not their meanings."""
