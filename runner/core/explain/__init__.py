"""Why a pod is not where it should be: deterministic rules over evidence. See ``explaining.py``."""
