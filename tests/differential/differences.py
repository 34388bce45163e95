"""
Where txbalancer differs from Apache on purpose: the one table.

A case may differ in the words that its entries name, and must: an entry that has become
untrue fails as well. C{make docs} writes the table to C{docs/apache-differences.rst}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One difference.

    @ivar what: of which requests or answers it is true.
    @ivar apache: what Apache does.
    @ivar ours: what txbalancer does.
    @ivar why: the reason.
    @ivar cases: case to the words that differ in it; see C{compare.py} for words. C{*} is for
        words that every case may have.
    """

    what: str
    apache: str
    ours: str
    why: str
    cases: Mapping[str, str]


def _each(words: str, *cases: str) -> dict[str, str]:
    return dict.fromkeys(cases, words)


DIFFERENCES: tuple[Entry, ...] = (
    # -- connections of clients
    Entry(
        "connection of the client after a page of the proxy's own, or after 400, 408, 411, 413,"
        " 414, 500, 501 or 503 of a member",
        "closed",
        "open, unless the request was broken",
        "one failure should not cost the next request a handshake",
        {
            **_each("stays-on", EVERYWHERE, "failures/refused_alone", "failures/F6_503_passes"),
        },
    ),
    Entry(
        "request that ends within its body, the client's sending side closed",
        "400",
        "closed without an answer",
        "it is how a client leaves",
        _each(
            "status made",
            "exchanges/F23_length_cut",
            "exchanges/F23_long_length_cut",
            "exchanges/F23_chunks_cut",
            "exchanges/F23_long_chunks_cut",
        ),
    ),
    Entry(
        "member that closes before its answer, on a client connection that was used before (X6)",
        "client connection closed without an answer",
        "tried once more on a new connection; else 502",
        "silence tells the client nothing",
        {"exchanges/F11_closes_on_a_kept_connection": "status made member"},
    ),
    Entry(
        "``Connection`` with something that is no name",
        "closed after the answer",
        "the good names in it count",
        "nothing depends on the rest",
        {"headers/H4_connection_malformed": "stays"},
    ),
    # -- requests
    Entry(
        "chunked body with ``SetEnv force-proxy-request-1.0``",
        "collected in a file, then sent with its length",
        "411",
        "bodies are passed on as they come, and HTTP/1.0 has no chunks",
        {"headers/D17_http10": "status made member"},
    ),
    Entry(
        "``HTTP/1.2``, ``HTTP/2.0`` and the like in a request line",
        "served",
        "505",
        "what another version means is not known",
        _each("status made member", "failures/request_version_1_2", "failures/request_version_2"),
    ),
    Entry(
        "folded header line in a request",
        "joined",
        "400",
        "the same line means two things to two readers",
        {"failures/request_folded": "status made member"},
    ),
    Entry(
        "Content-Length beside chunked",
        "Content-Length dropped",
        "400",
        "two readings of one request are how requests are smuggled",
        {"headers/H22_length_and_chunked": "status made member"},
    ),
    Entry(
        "``Transfer-Encoding: gzip, chunked``",
        "500",
        "501",
        "says that it is the coding which is missing",
        {"headers/H22_coding_then_chunked": "status"},
    ),
    Entry(
        "header lines that are too long or too many",
        "400",
        "431",
        "the status made for it",
        _each("status", "failures/request_header_long", "failures/request_headers_many"),
    ),
    Entry(
        "``LimitRequestBody`` and a request for a member",
        "not looked at",
        "413",
        "what is written is done",
        {"failures/request_body_too_large": "status made member"},
    ),
    Entry(
        "``Expect`` that was added for ``ping``",
        "also sent to the next member, as ``100-Continue``",
        "only where ``ping`` is set",
        "the next member was not to be asked",
        {"failures/W54_ping": "sent:expect"},
    ),
    Entry(
        "``Upgrade`` that Connection does not name",
        "passed on with ``upgrade=``",
        "dropped",
        "then it is not meant for this connection (RFC 9110, 7.8)",
        {"exchanges/H40_not_in_connection": "sent:connection sent:upgrade"},
    ),
    Entry(
        "``Allow`` of an answer to ``OPTIONS`` given here",
        "none, or TRACE",
        "the usual methods",
        "a client may ask what it can do",
        _each("got:allow", "headers/H8_max_forwards_0_options", "headers/H9_options_star"),
    ),
    # -- answers
    Entry(
        "first line that is no status line, as ``garbage`` or ``HTTP/1.1 20 OK`` (X5)",
        "200, as HTTP/0.9",
        "502",
        "garbage is no success",
        _each(
            "status",
            "failures/garbage",
            "failures/garbage_page",
            "failures/status_two_digits",
            "failures/status_lower_case",
        ),
    ),
    Entry(
        "blank line before the status line, status 099, ``HTTP/1.2``, bare line feeds",
        "passed on",
        "502",
        "as strict as RFC 9112 allows; what follows is not believed",
        _each(
            "status made",
            "failures/blank_line_before",
            "failures/status_099",
            "failures/status_version_1_2",
            "failures/bare_lf",
        ),
    ),
    Entry(
        "folded header line in an answer",
        "joined",
        "502",
        "the same line means two things to two readers",
        {"failures/header_folded": "status made got:a"},
    ),
    Entry(
        "blank in a header's name, or before its colon",
        "500",
        "502",
        "the fault is the member's",
        _each("status", "failures/header_blank_in_name", "failures/header_blank_before_colon"),
    ),
    Entry(
        "Content-Length twice, or beside chunked; a coding other than chunked; chunks in HTTP/1.0",
        "one is taken",
        "502",
        "answers can be smuggled, too",
        _each(
            "status made",
            "failures/length_twice",
            "failures/length_twice_same",
            "failures/length_and_chunked",
            "failures/coding_gzip",
            "failures/coding_in_1_0",
        ),
    ),
    Entry(
        "tenth 1xx answer",
        "passed on, then 502",
        "502",
        "there is no more to come",
        _each("interims", "failures/interims_10", "failures/interims_flood"),
    ),
    Entry(
        "final answer in the place of 100 Continue, without a close (X7)",
        "500, member in error",
        "passed on",
        "one 413 must not take a member out",
        {"exchanges/H43_final_without_close": "status made member"},
    ),
    Entry(
        "Range, with a member that does not heed it (X28)",
        "206, cut by the proxy",
        "the member's answer",
        "the member knows better what it has",
        {
            "headers/H33_range": "status reason body got:content-range",
            "headers/H4_end_to_end": "status reason got:content-range",
        },
    ),
    Entry(
        "Expires and Last-Modified in old forms",
        "rewritten",
        "as sent",
        "not ours to judge",
        {"headers/H31_dates_rewritten": "got:expires got:last-modified"},
    ),
    Entry(
        "Warning with another date than Date's",
        "dropped",
        "as sent",
        "not ours to judge",
        {"headers/H31_warning": "got:warning"},
    ),
    Entry(
        "Via of an answer (X30)",
        "version of the client's request; names Apache; stays with ``ProxyVia Block``",
        "version of the member's answer; names txbalancer; ``Block`` removes it",
        "as RFC 9110 has it, and as it says",
        {
            "headers/H6_via_on_appends": "got:via",
            "headers/H6_via_block_of_answer": "got:via",
            "headers/H6_via_full": "got:via sent:via",
        },
    ),
    Entry(
        "``WWW-Authenticate: Basic``",
        "realm",
        'realm and ``charset="UTF-8"``',
        "browsers then agree on the letters of a password (RFC 7617)",
        _each(
            "got:www-authenticate",
            "access/login_valid_user",
            "access/login_user",
            "access/login_and_local",
        ),
    ),
    # -- failures
    Entry(
        "GET, PUT and the like whose member breaks off, talks garbage or is silent (X3)",
        "502 or what it said",
        "tried at another member",
        "a healthy member is there; nothing was passed on, and asking twice does no harm",
        {
            **_each(
                "status made member",
                "failures/retried_closes",
                "failures/retried_resets",
                "failures/retried_put",
                "failures/retried_silent",
                "snippets/D9_failover",
            ),
            "failures/retried_garbage": "made member",
        },
    ),
    Entry(
        "silence of a member before its answer is complete to the end of the head (X4)",
        "502",
        "504",
        "that is what 504 is for",
        _each(
            "status",
            "failures/silent",
            "failures/silent_in_status_line",
            "failures/silent_in_headers",
            "failures/silent_after_interim",
            "failures/silent_proxy_timeout",
            "failures/silent_server_timeout",
            "failures/F21_failontimeout",
            "failures/F21_failontimeout_ignoring",
        ),
    ),
    Entry(
        "``failontimeout`` and silence within the head (X37)",
        "502, member stays in use",
        "504, member in error",
        "it is the same silence",
        {"failures/F21_failontimeout_in_headers": "status member"},
    ),
    Entry(
        "member's name that cannot be resolved (X9)",
        "500",
        "next member, else 503",
        "a failed connect like any other",
        {"failures/unresolvable": "status made member"},
    ),
    Entry(
        "all ``max`` connections busy for as long as ``acquire`` (X8)",
        "member in error",
        "next member, and this one stays in use",
        "an overload must not move on to the next",
        {"exchanges/W51_exhausted": "member"},
    ),
    # -- paths
    Entry(
        "``/`` to ``http://h:1`` or ``balancer://n``, and ``/a/`` to ``balancer://n`` (X29)",
        "host and path glued, 500",
        "a slash between",
        "the only thing that can be meant",
        _each(
            "status made member",
            "mapping/H52_root_glued",
            "mapping/H53_root_without_slash",
            "mapping/H53_slash_in_path_only",
        ),
    ),
    Entry(
        "``/a`` to ``http://h/`` or ``balancer://n/``,"
        " or a member's URL with a slash at its end (X29)",
        "``//b``",
        "``/b``",
        "the same",
        {
            **_each(
                "line",
                "mapping/H52_slash_only",
                "mapping/H53_with_slash",
                "mapping/H53_base_with_slash",
                "snippets/app_with_route",
            ),
            "reverse/H63_balancer_slash_doubled": "line got:location",
        },
    ),
    Entry(
        "``ProxyPassReverse`` of a URL or a balancer with a slash at its end (X29)",
        "slashes doubled or lost where the two meet; ``/back`` is not below ``/back/``",
        "one slash; ``/back`` is the place itself",
        "the same",
        _each(
            "got:location",
            "reverse/H61_slashes",
            "reverse/H61_first_rule",
            "reverse/H63_balancer_with_slash",
        ),
    ),
    Entry(
        "end of what ``ProxyPassReverse`` and its like compare",
        "any letter may follow; a leading dot of a domain counts; the last attribute only",
        "a whole segment, port or label; every attribute",
        "``/app`` is not ``/apple``, ``h:80`` not ``h:8080``",
        {
            **_each("got:location", "reverse/H61_no_boundary", "reverse/H61_no_boundary_of_port"),
            **_each(
                "got:set-cookie",
                "reverse/H65_path_no_boundary",
                "reverse/H65_domain",
                "reverse/H65_last_attribute",
            ),
        },
    ),
    Entry(
        "``%25`` with ``AllowEncodedSlashes NoDecode``",
        "400",
        "passed on",
        "it is harmless",
        {"mapping/H57_percent_nodecode": "status made member"},
    ),
    Entry(
        "``%2f`` with ``NoDecode``",
        "as written",
        "``%2F``",
        "one spelling for one thing",
        {"mapping/H57_encoded_slash_nodecode": "line"},
    ),
    Entry(
        "backslash, or ``%5C``, in a path",
        "passed on",
        "404, as ``%2F``",
        "some members take it for a slash",
        {"mapping/H57_backslash": "status made member"},
    ),
    Entry(
        "``..;`` and ``.;`` as segments",
        "passed on",
        "400",
        "some members take them for dots, and so past the rules of other mounts",
        {"mapping/H51_dots_and_semicolon": "status made member"},
    ),
    Entry(
        "``noquery``",
        "the query is passed on all the same",
        "the query is dropped",
        "what is written is done",
        {"mapping/H58_noquery": "line"},
    ),
    Entry(
        "``ProxyPassMatch`` to a URL with ``$1`` in its path",
        "a connection for each request, if not ``enablereuse=On``",
        "connections are kept",
        "the host is the same, whatever the path",
        _each(
            "sent:connection",
            "mapping/H50_match_in_order",
            "mapping/H55_group",
            "mapping/H55_two_groups",
            "mapping/H55_tilde",
            "mapping/D16_location_match",
        ),
    ),
    Entry(
        "``Require`` for what is not proxied",
        "403",
        "404",
        "nothing is there, for nobody",
        {"access/unproxied": "status"},
    ),
    # -- AJP and FastCGI
    Entry(
        "port of the service that AJP members are told",
        "the one that the client's connection came to",
        "that of Host, or the scheme's own; so both tell FastCGI members",
        "links that an application makes of it lead back to where the client asked",
        _each(
            "sent:port",
            "packets/ajp",
            "packets/ajp_balancer",
            "packets/ajp_answers",
            "packets/ajp_override",
        ),
    ),
    Entry(
        "``ProxyVia On`` and members of ``ajp://`` and ``fcgi://``",
        "no Via",
        "Via in answers, as of other members",
        "one rule for all",
        {"packets/ajp_balancer": "got:via"},
    ),
    Entry(
        "two Cookie lines and members of ``fcgi://``",
        "joined with a comma",
        "joined with a semicolon",
        "it is what divides cookies (RFC 9113, 8.2.3)",
        {"packets/fcgi": "sent:HTTP_COOKIE"},
    ),
    Entry(
        "``ProxyFCGIBackendType GENERIC`` and a path with ``%20`` and the like",
        "SCRIPT_FILENAME is encoded",
        "SCRIPT_FILENAME is decoded",
        "files have no such names",
        {"packets/fcgi_generic_encoded": "sent:SCRIPT_FILENAME"},
    ),
    Entry(
        "``BALANCER_NAME`` and the like for members of ``fcgi://``",
        "told",
        "not told; ``ProxyFCGISetEnvIf true BALANCER_NAME %{BALANCER_NAME}`` does",
        "applications have no use for them",
        {
            "packets/fcgi_balancer": "sent:BALANCER_NAME sent:BALANCER_WORKER_NAME"
            " sent:BALANCER_WORKER_ROUTE"
        },
    ),
    Entry(
        "answer of a FastCGI application with Location and without Status",
        "200",
        "302",
        "RFC 3875, 6.2.3",
        {"packets/fcgi_location": "status"},
    ),
    Entry(
        "answer of a FastCGI application without a head",
        "200, all of it is the body",
        "502",
        "nobody knows what it is",
        {"packets/fcgi_headless": "status"},
    ),
    Entry(
        "answer of a FastCGI application with a broken head",
        "500",
        "502",
        "it is the member's fault",
        {"packets/fcgi_bad_heads": "status"},
    ),
    Entry(
        "answer of a FastCGI application that is not as long as its Content-Length",
        "200 without a length",
        "502, or cut off",
        "truncation must be seen",
        {"packets/fcgi_length": "status"},
    ),
    Entry(
        "answer of a FastCGI application with Transfer-Encoding",
        "the chunks are passed on as the body",
        "502",
        "clients would get chunks within chunks",
        {"packets/fcgi_chunked": "status"},
    ),
    # -- redirects
    Entry(
        "``Redirect PATH URL`` whose URL is a path",
        "Location with http:// or https:// and the host",
        "Location is the path",
        "it means the same, behind another proxy too (RFC 9110, 10.2.2)",
        _each("got:location", "redirects/path"),
    ),
    Entry(
        "``Redirect / http://h``",
        "host and path are glued: ``http://hpath``",
        "a slash between them",
        "clients would be sent to a host that somebody else may own",
        _each("got:location", "redirects/glued_to_the_host"),
    ),
    Entry(
        "``Redirect PATH URL?QUERY`` and a path below",
        "what is below is glued to the query",
        "the URL as it stands",
        "nobody means a query with a path in it",
        _each("got:location", "redirects/own_query"),
    ),
    Entry(
        "``RedirectMatch`` with groups that have ``%3F`` or ``%23``",
        "decoded: what follows becomes a query or a fragment",
        "encoded, as the client wrote it",
        "the path must stay a path",
        _each("got:location", "redirects/match_encoded"),
    ),
)
