"""What one container is created from: environment, mounts, resources, security, names."""
