"""
C{https://HOST/PATH}: a document in JSON, over TLS.
"""

from txbalancer.discovery.web import WebFactory

factory = WebFactory("https")
