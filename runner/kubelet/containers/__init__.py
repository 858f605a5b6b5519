"""Containers and sandboxes: configured, created, started, stopped."""
