"""Faults: what goes wrong in a run on purpose, as data; how they are written, checked and chosen."""
