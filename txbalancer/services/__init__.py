"""
The running service: configuration in, a tree of Twisted services out.
"""
