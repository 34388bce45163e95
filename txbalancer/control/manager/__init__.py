"""
The balancer-manager: a page that shows balancers and changes them, for people and for
scripts that know Apache's (APACHE section 8).
"""
