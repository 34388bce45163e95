"""
The built-in lbmethods. A file in this folder is the registration: its C{factory}
provides L{ILBMethodFactory<txbalancer.interfaces.ILBMethodFactory>}, and
C{builtin.factories(lbmethods)} finds it.
"""
