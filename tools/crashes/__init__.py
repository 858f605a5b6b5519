"""`python -m tools.crashes`: pods in virtual time whose node crashes, errs and mishears at every step of their lives.

``scenes`` has the pods, ``cases`` what may happen to them, ``lives`` lets it happen, ``judge`` compares what came of it with
the undisturbed life.
"""
