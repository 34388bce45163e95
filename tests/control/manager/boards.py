"""
A board to try forms on, and pages in memory.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from txbalancer.testing import MemoryRig

CONFIGURATION = """
[txbalancer]
hcexpr = ok2 %{REQUEST_STATUS} =~ /^2/
[listener:web]
endpoint = tcp:80
[balancer:shop]
stickysession = A|b
growth = 2
members =
    http://10.0.0.1 route=a redirect=b loadfactor=1.5
    http://10.0.0.10:8080/app route=b status=+D
[balancer:two]
members = http://10.0.0.3
[mount:/bm]
to = manager:
[mount:/only]
to = manager: two
[mount:/]
to = balancer://shop/
"""
HERE = "http://lb.test/bm"


class Table(HTMLParser):
    """
    What scripts find in a page.

    @ivar tables: rows of cells, each the only string in it, or C{None} for none or several.
    @ivar links: addresses of anchors, in order.
    @ivar inputs: name -> values of fields.
    @ivar ticked: names of ticked boxes.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[list[list[str | None]]] = []
        self.links: list[str] = []
        self.inputs: dict[str, list[str]] = {}
        self.ticked: list[str] = []
        self.open: list[str] = []
        self._strings: list[str] | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag not in ("meta", "link", "input", "br", "hr"):
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._strings = []
        elif tag == "a":
            self.links.append(found["href"])
        elif tag == "input" and "name" in found:
            self.inputs.setdefault(found["name"], []).append(found.get("value", ""))
            if "checked" in found:
                self.ticked.append(found["name"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
        if tag in ("td", "th"):
            self.tables[-1][-1].append(self._strings[0] if len(self._strings) == 1 else None)
            self._strings = None

    def handle_data(self, data):
        if self._strings is not None:
            self._strings.append(data)

    def rows(self, table: int) -> list[dict[str, str | None]]:
        """
        Return the rows of a table by its headings.
        """
        keys, *rows = self.tables[table]
        return [dict(zip(keys, row, strict=True)) for row in rows]


class Browser:
    """
    Asks for pages as a browser does that stays on one site.
    """

    def __init__(self, text: str = CONFIGURATION) -> None:
        self.rig = MemoryRig(text)
        self.status = 0
        self.head = ""

    def send(
        self, method: str, target: str, body: str = "", referer: str | None = HERE, **headers
    ) -> str:
        """
        Send a request and return the body of the answer.
        """
        lines = [f"{method} {target} HTTP/1.1", "Host: lb.test"]
        lines += [f"Referer: {referer}"] if referer else []
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
            headers.setdefault("Content_Type", "application/x-www-form-urlencoded")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        client = self.rig.client()
        client.send("\r\n".join([*lines, "", body]).encode())
        self.head, _, answer = client.taken().decode().partition("\r\n\r\n")
        self.status = int(self.head.split(" ")[1])
        return answer

    def get(self, query: str = "", **more) -> str:
        """
        Look at the page.
        """
        return self.send("GET", f"/bm{query}", **more)

    def nonce(self, name: str = "shop") -> str:
        """
        Return the nonce in the page.
        """
        return re.search(f'b={name}&amp;nonce=([^"&]+)', self.get())[1]

    def post(self, nonce: str | None = None, path: str = "/bm", **fields: str) -> str:
        """
        Send a form for the balancer shop and its first member, and return the messages.
        """
        fields = {"b": "shop", "w": "http://10.0.0.1", **fields}
        fields["nonce"] = self.nonce(fields["b"]) if nonce is None else nonce
        body = "&".join(f"{name}={value}" for name, value in fields.items() if value != "-none-")
        self.page = self.send("POST", path, body)
        return "\n".join(re.findall(r'role="status">(.*?)</p>', self.page))

    def members(self, name: str = "shop"):
        """
        Return the members of a balancer.
        """
        return self.rig.balancer(name).members
