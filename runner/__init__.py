"""podrunner: the kubelet without the cluster.

Runs a Kubernetes Pod manifest, unmodified, on a plain Docker Engine as a kubelet would.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__"]
