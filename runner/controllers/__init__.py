"""Workloads while they run: they make pods and replace them."""
