"""One process' node: the pods that it runs and what they share."""
