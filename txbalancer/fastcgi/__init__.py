"""
FastCGI as a codec: records, parameters, and the heads of answers.

Nothing here does I/O. Source: the FastCGI specification 1.0, and RFC 3875 for answers.
"""
