"""
hcmethod=options: asks what hcuri can do, or the whole member when there is none.
"""

from txbalancer.probes.asking import HTTPProbe

factory = HTTPProbe("options", asterisk=True)
