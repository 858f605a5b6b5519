"""Ways of a program into a pod that it runs."""
