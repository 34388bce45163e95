"""
HTTP/2 on the data path: a stream is one side of an exchange.
"""
