"""
hcmethod=get11: asks for hcuri and reads the answer's body, in HTTP/1.1.
"""

from txbalancer.probes.asking import HTTPProbe

factory = HTTPProbe("get11", "GET", version="1.1", reads=True)
