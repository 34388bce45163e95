"""
AJP 1.3 as a codec: packets for servlet containers, and what they answer.

Nothing here does I/O. Source: Apache's description of the protocol (Tomcat's AJPv13) and
what mod_proxy_ajp 2.4.71 was seen to send.
"""
