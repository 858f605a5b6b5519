"""The Engine: one protocol, on a Docker Engine and simulated in virtual time, and the wrappers around it."""
