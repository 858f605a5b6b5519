"""The life of one pod: its worker syncs, stops and removes it, and drives the rooms below."""
