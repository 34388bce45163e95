"""
The built-in sticky schemes. A file in this folder is the registration: its C{factory}
provides L{IStickySchemeFactory<txbalancer.interfaces.IStickySchemeFactory>}, and
C{builtin.factories(stickiness)} finds it.
"""
