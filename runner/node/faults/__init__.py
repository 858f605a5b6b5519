"""Faults of a run as they happen: injected at the Engine's seam and where a pod's worker is put together."""
