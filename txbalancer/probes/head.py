"""
hcmethod=head: asks for the head of hcuri.
"""

from txbalancer.probes.asking import HTTPProbe

factory = HTTPProbe("head")
