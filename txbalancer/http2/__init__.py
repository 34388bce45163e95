"""
HTTP/2 without I/O: frames, header compression, streams and their limits, for both roles.

Bytes go in, calls of what the streams are made of come out, and bytes to be sent
accumulate (RFC 9113, RFC 7541). Nothing here knows a socket, a clock or a request's target.
"""
