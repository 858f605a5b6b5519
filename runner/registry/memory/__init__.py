"""The registry in memory, which dies with the process."""

from runner.registry.memory.registry import MemoryRegistry, MemoryStore

__all__ = ["MemoryRegistry", "MemoryStore"]
