"""
Random faults under mixed load, and what has to hold meanwhile: C{python -m tests.chaos}.

A run has a world (the balancer, its members, a network between them), a load of clients, a plan
of faults that its seed determines, and judges.
"""
