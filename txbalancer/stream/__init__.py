"""
Balancing of whole connections: each is one exchange, from its first byte to its last.
"""
