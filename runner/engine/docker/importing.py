"""One thread at a time imports docker-py: its modules import each other in a circle.

Two threads that began at different ends of it would wait for each other, which Python answers with a _DeadlockError.
"""

import threading
from typing import Final

IMPORTING: Final = threading.RLock()
"""Held while a module that imports docker is imported, later than at the start."""
