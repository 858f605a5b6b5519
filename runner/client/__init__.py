"""kubectl's verbs: one protocol, wherever the objects are."""
