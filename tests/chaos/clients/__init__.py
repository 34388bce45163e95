"""
Clients, one file for each protocol.
"""
