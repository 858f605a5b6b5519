"""Names of images, and what opens registries."""
