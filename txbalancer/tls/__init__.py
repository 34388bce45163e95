"""
TLS: contexts for listeners, verification of members.
"""
