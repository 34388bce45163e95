"""
Expressions that decide whether the answer to a health check is that of a well member.

They are written as for C{ProxyHCExpr} of Apache 2.4 (C{%{REQUEST_STATUS} =~ /^[234]/},
C{hc('body') !~ /Under maintenance/}), as far as an answer can tell (APACHE C3, C6, C7). Reading
and deciding need neither a clock nor a file, and nothing of the text is ever run as code.
"""

from txbalancer.core.hcexpr.answer import MOST_BODY, Answer
from txbalancer.core.hcexpr.parser import Expression, parse

__all__ = ["MOST_BODY", "Answer", "Expression", "parse"]
