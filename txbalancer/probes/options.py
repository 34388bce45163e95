"""
hcmethod=options: asks what hcuri can do, or the whole member when there is none, in HTTP/1.0.
"""

from txbalancer.probes.asking import HTTPProbe

factory = HTTPProbe("options", "OPTIONS", asterisk=True)
