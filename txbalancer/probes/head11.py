"""
hcmethod=head11: asks for the head of hcuri, in HTTP/1.1.
"""

from txbalancer.probes.asking import HTTPProbe

factory = HTTPProbe("head11", "HEAD", version="1.1")
