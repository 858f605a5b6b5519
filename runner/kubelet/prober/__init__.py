"""Probes of containers and the handlers that carry them out."""
