"""One idea a file: each looks for one kind of cause. The table of them is in ``runner.core.explain.explaining``."""
