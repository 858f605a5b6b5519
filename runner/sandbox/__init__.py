"""The sandbox: the pause program that holds a pod's namespaces, the image around it, and how both are built."""
