"""Images of containers: pulls, their order and their credentials."""
