"""
hcmethod=get: asks for hcuri and reads the answer's body.
"""

from txbalancer.probes.asking import HTTPProbe

factory = HTTPProbe("get", reads=True)
