"""Ways into a pod: what a user and a process in a container have to say to each other."""
