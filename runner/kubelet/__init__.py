"""Runs the pods that this process holds."""
