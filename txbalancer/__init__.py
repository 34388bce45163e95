"""
What Apache's mod_proxy_balancer does, as a Twisted application.
"""

__version__ = "0.1.0"
