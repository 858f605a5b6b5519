"""Volumes of pods: planned, filled and kept up to date."""
