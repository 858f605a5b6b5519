"""Texts, numbers and times as Go and Kubernetes write them."""
