"""
C{http://HOST/PATH}: a document in JSON.
"""

from txbalancer.discovery.web import WebFactory

factory = WebFactory("http")
