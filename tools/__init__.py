"""Set-up of a bare machine: an Engine, a registry mirror and its images.

Standard library only, as it runs before `.venv` exists.
"""
