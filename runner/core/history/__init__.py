"""What has happened to a pod: its record, and what can be read out of it."""
