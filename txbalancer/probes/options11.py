"""
hcmethod=options11: asks what hcuri can do, or the whole member when there is none, in HTTP/1.1.
"""

from txbalancer.probes.asking import HTTPProbe

factory = HTTPProbe("options11", "OPTIONS", version="1.1", asterisk=True)
