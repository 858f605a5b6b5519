"""The life of one pod: the worker, its sync, its tasks and what wakes it."""
