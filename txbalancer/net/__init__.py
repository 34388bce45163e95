"""
Sockets: transports that write at once, connecting, and deadlines without timers.
"""
