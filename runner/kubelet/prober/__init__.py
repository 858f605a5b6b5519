"""Probes of containers and what carries them out."""
