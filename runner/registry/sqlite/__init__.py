"""The registry in one SQLite file: its tables, its log and bells, its ledger, and what is done about a damaged one."""

from runner.registry.sqlite.registry import SqliteRegistry

__all__ = ["SqliteRegistry"]
