"""Output of containers: read, followed, saved."""
