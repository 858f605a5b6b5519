"""What exists: objects and what is remembered of them, in one file that processes share, or in memory."""
