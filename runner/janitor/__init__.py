"""Finds and removes what dead processes left behind; examines the environment."""
