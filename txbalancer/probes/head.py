"""
hcmethod=head: asks for the head of hcuri, in HTTP/1.0.
"""

from txbalancer.probes.asking import HTTPProbe

factory = HTTPProbe("head", "HEAD")
