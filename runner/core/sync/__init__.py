"""What one sync of a pod decides: a pure function of what exists, and the rules that it asks."""
