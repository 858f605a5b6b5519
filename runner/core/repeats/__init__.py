"""Many runs of the same: how often they pass, what became of the others, and where those part from a good one."""
