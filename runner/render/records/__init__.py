"""Records as people and programs read them: attempts, traces, differences."""
