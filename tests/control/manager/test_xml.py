"""
The manager's XML (APACHE section 8.4).
"""

from __future__ import annotations

from xml.etree import ElementTree

from tests.control.manager.boards import CONFIGURATION, Browser
from txbalancer.core import flags

MEMBERS = """    http://10.0.0.1 route=node1 redirect=node2 loadfactor=1.5 min=1 smax=5 max=20 \
ttl=120 timeout=7 acquire=2500 receivebuffersize=2048 iobuffersize=4096 keepalive=Off \
disablereuse=On connectiontimeout=1500ms retry=30
    http://10.0.0.10:8080/app route=b status=+D
"""

EXPECTED = """<?xml version='1.0' encoding='UTF-8' ?>
<httpd:manager xmlns:httpd='http://httpd.apache.org'>
  <httpd:balancers>
    <httpd:balancer>
      <httpd:name>balancer://shop</httpd:name>
      <httpd:nonce>0123456789abcdef</httpd:nonce>
      <httpd:stickysession>A</httpd:stickysession>
      <httpd:stickysession_path>b</httpd:stickysession_path>
      <httpd:nofailover>On</httpd:nofailover>
      <httpd:timeout>2</httpd:timeout>
      <httpd:maxattempts>4</httpd:maxattempts>
      <httpd:lbmethod>byrequests</httpd:lbmethod>
      <httpd:scolonpathdelim>On</httpd:scolonpathdelim>
      <httpd:workers>
        <httpd:worker>
          <httpd:name>http://10.0.0.1</httpd:name>
          <httpd:scheme>http</httpd:scheme>
          <httpd:hostname>10.0.0.1</httpd:hostname>
          <httpd:loadfactor>1.50</httpd:loadfactor>
          <httpd:port>80</httpd:port>
          <httpd:min>1</httpd:min>
          <httpd:smax>5</httpd:smax>
          <httpd:max>20</httpd:max>
          <httpd:ttl>120</httpd:ttl>
          <httpd:timeout>7</httpd:timeout>
          <httpd:acquire>2500</httpd:acquire>
          <httpd:recv_buffer_size>2048</httpd:recv_buffer_size>
          <httpd:io_buffer_size>4096</httpd:io_buffer_size>
          <httpd:keepalive>Off</httpd:keepalive>
          <httpd:status>Init Err </httpd:status>
          <httpd:error_time>Fri, 15 Jan 2027 08:00:05 GMT</httpd:error_time>
          <httpd:retries>0</httpd:retries>
          <httpd:lbstatus>0</httpd:lbstatus>
          <httpd:loadfactor>1.50</httpd:loadfactor>
          <httpd:transferred>805</httpd:transferred>
          <httpd:read>80</httpd:read>
          <httpd:elected>5</httpd:elected>
          <httpd:route>node1</httpd:route>
          <httpd:redirect>node2</httpd:redirect>
          <httpd:busy>0</httpd:busy>
          <httpd:lbset>0</httpd:lbset>
          <httpd:disablereuse>On</httpd:disablereuse>
          <httpd:connectiontimeout>1500</httpd:connectiontimeout>
          <httpd:retry>30</httpd:retry>
        </httpd:worker>
        <httpd:worker>
          <httpd:name>http://10.0.0.10:8080/app</httpd:name>
          <httpd:scheme>http</httpd:scheme>
          <httpd:hostname>10.0.0.10</httpd:hostname>
          <httpd:loadfactor>1.00</httpd:loadfactor>
          <httpd:port>8080</httpd:port>
          <httpd:min>0</httpd:min>
          <httpd:smax>0</httpd:smax>
          <httpd:max>0</httpd:max>
          <httpd:ttl>60</httpd:ttl>
          <httpd:status>Init Dis </httpd:status>
          <httpd:retries>0</httpd:retries>
          <httpd:lbstatus>0</httpd:lbstatus>
          <httpd:loadfactor>1.00</httpd:loadfactor>
          <httpd:transferred>0</httpd:transferred>
          <httpd:read>0</httpd:read>
          <httpd:elected>0</httpd:elected>
          <httpd:route>b</httpd:route>
          <httpd:redirect></httpd:redirect>
          <httpd:busy>0</httpd:busy>
          <httpd:lbset>0</httpd:lbset>
        </httpd:worker>
      </httpd:workers>
    </httpd:balancer>
    <httpd:balancer>
"""


def test_M30_M31_every_element() -> None:
    """
    As in Apache, element for element; milliseconds are whole, and both names of a session there.
    """
    start, _, rest = CONFIGURATION.partition("    http://10.0.0.1 ")
    text = start + MEMBERS + "[balancer:two]" + rest.partition("[balancer:two]")[2]
    text = text.replace(
        "growth = 2",
        "nonce = 0123456789abcdef\nnofailover = On\ntimeout = 2\nmaxattempts = 4\n"
        "scolonpathdelim = On",
    )
    browser = Browser(text)
    browser.rig.advance(5)
    balancer, member = browser.rig.balancer(), browser.members()[0]
    balancer.force_error(member, "x", browser.rig.runtime.now())
    member.transferred, member.read, member.elected = 805, 80, 5
    page = browser.get("?xml=1")
    assert "Content-Type: text/xml; charset=utf-8" in browser.head
    assert page.startswith(EXPECTED)
    assert page.endswith("  </httpd:balancers>\n</httpd:manager>\n")


def test_what_is_not_configured_is_not_there() -> None:
    """
    Without sessions no line about them; what has the default of the file is left out.
    """
    space = "{http://httpd.apache.org}"
    for defaults in ("modern", "apache"):
        text = CONFIGURATION.replace("[txbalancer]", f"[txbalancer]\ndefaults = {defaults}")
        root = ElementTree.fromstring(Browser(text).get("?xml=1"))
        two = root.findall(f".//{space}balancer")[1]
        names = [each.tag.removeprefix(space) for each in two]
        assert names == ["name", "nonce", "timeout", "lbmethod", "workers"]
        worker = [each.tag.removeprefix(space) for each in two.find(f".//{space}worker")]
        assert worker[8:12] == ["ttl", "status", "retries", "lbstatus"]
        assert worker[-1] == "lbset"
        assert worker.count("loadfactor") == 2


def test_M11_xml_needs_a_referer() -> None:
    """
    As every field does.
    """
    assert Browser().get("?xml=1", referer=None).startswith("<!DOCTYPE html>")


def test_xml_is_escaped() -> None:
    """
    Text stays text, and fractions of seconds are not lost.
    """
    browser = Browser()
    member = browser.members()[0]
    member.route, member.flags = b"<&>", flags.INIT
    browser.post(b_tmo="500ms", w_ls="1")
    root = ElementTree.fromstring(browser.get("?xml=1"))
    space = "{http://httpd.apache.org}"
    assert root.find(f".//{space}route").text == "<&>"
    assert root.find(f".//{space}timeout").text == "0.5"
