"""What a pod's status says, made from what was observed."""
