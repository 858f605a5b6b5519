"""The registry in memory, which dies with the process."""

from runner.registry.memory.registry import MemoryRegistry

__all__ = ["MemoryRegistry"]
