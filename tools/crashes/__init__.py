"""`python -m tools.crashes`: pods in virtual time whose node crashes, errs and mishears at every step of their lives.

``scenes`` has the pods, ``lives`` lets one live with a fault, ``judge`` compares what came of it with the undisturbed life.
"""
