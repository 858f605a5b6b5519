"""What the rooms above share: tasks, jobs and wake-ups, and what of a pod was seen, published, remembered and told."""
