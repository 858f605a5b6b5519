"""``python -m runner`` and the console script."""

from __future__ import annotations

import sys

if __name__ == "__main__" or sys.argv[0].endswith("podrunner"):
    from runner.cli.early import watch

    watch()

import gc


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # docker-py loads paramiko when it is installed, which takes longer than the rest of it; `engine_at` lets it for ssh://.
    sys.modules["docker.transport.sshconn"] = None  # type: ignore[assignment]
    # Looking for cycles while modules load costs a tenth of the time to the first Engine call, and finds none.
    gc.set_threshold(20_000, 20, 20)
    from runner.cli import run_cli

    code = run_cli(sys.argv[1:])
    # Nor does taking every cycle apart at the end of the process; what has to be closed is closed by now.
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
