"""
HTTP/1.1 without I/O: heads and framing, read more strictly than the RFC allows.

Whatever two readers could take in two ways is refused here, in both directions,
so that nothing ambiguous is ever passed on (PEERS 2.13). L{heads} turns whole
heads into values, L{framing} finds where a body ends.
"""
