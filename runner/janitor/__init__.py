"""What dead processes left behind is found and removed; the surroundings are examined."""
