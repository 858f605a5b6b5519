"""What the API server checks when an object is created, in its order and its words.

Mirrors pkg/apis/core/validation/validation.go (and apps, batch for the workloads). One module per area.
"""
