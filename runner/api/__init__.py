"""The library: load, plan and run pods, look at them, use them. It never prints and never exits.

``Runner`` (``facade``) is the one way to run a pod; the command line and the pytest plugin go through it too. What is public is
named by ``runner``; nothing is imported here, so that a command has only what it needs.
"""
