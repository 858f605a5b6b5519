"""Running pods again: captures of what ran here, and many repetitions of one run."""
