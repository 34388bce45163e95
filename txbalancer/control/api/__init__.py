"""
The JSON API: reports and commands over HTTP, below a manager's mount and on the socket of
the commands.
"""
