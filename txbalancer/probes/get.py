"""
hcmethod=get: asks for hcuri and reads the answer's body, in HTTP/1.0.
"""

from txbalancer.probes.asking import HTTPProbe

factory = HTTPProbe("get", "GET", reads=True)
