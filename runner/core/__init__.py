"""The pure core: values in, values out. No file, socket, thread, clock or randomness; ``now`` is an argument."""
