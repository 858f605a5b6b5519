"""Captures: what is needed to run a pod again elsewhere, made of a run here or of what kubectl shows of a cluster."""
