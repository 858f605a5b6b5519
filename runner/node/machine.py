"""What this machine is called when it plays a node."""

from __future__ import annotations

import socket


def node_name() -> str:
    """The machine's host name, in lower case as a kubelet registers it (util/node GetHostname)."""
    return socket.gethostname().strip().lower() or "localhost"


def host_ip() -> str:
    """The address that this machine would use towards others; nothing is sent for it."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1"
    finally:
        probe.close()
