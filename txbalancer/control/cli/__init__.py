"""
The C{txbalancer} command: configurations without a service, and a service while it runs.
"""

from txbalancer.control.cli.files import convert_text, summary
from txbalancer.control.cli.main import make_command

__all__ = ["convert_text", "make_command", "summary"]
