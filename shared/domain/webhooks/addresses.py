"""The internet addresses and URLs that webhooks may use.

The lists are explicit. `ipaddress.is_global` does not suffice: it counts NAT64, 6to4 and multicast addresses as global,
and its results change with the Python version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from shared.domain.errors import Invalid

MAX_URL_LENGTH = 2048
PORTS = (443, 4443, 8443, 9443)
"""The ports that webhooks may use, those that usually serve HTTPS. Other ports belong to services that must not be
probed."""

_FORBIDDEN_V4 = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network (RFC 791); 0.0.0.0 reaches the machine itself
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # carrier-grade NAT (RFC 6598)
        "127.0.0.0/8",  # loopback (RFC 1122)
        "168.63.129.16/32",  # metadata of another cloud, on an address that looks public
        "169.254.0.0/16",  # link-local (RFC 3927), with the metadata services 169.254.169.254 and .170.2
        "172.16.0.0/12",  # private (RFC 1918)
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.31.196.0/24",  # AS112 (RFC 7535)
        "192.52.193.0/24",  # multicast tunnels (RFC 7450)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "192.168.0.0/16",  # private (RFC 1918)
        "192.175.48.0/24",  # AS112 (RFC 7534)
        "198.18.0.0/15",  # benchmarking (RFC 2544)
        "198.51.100.0/24",  # documentation (RFC 5737)
        "203.0.113.0/24",  # documentation (RFC 5737)
        "224.0.0.0/4",  # multicast (RFC 5771)
        "240.0.0.0/4",  # reserved (RFC 1112), with the broadcast address
    )
)
_FORBIDDEN_V6 = tuple(
    ip_network(network)
    for network in (
        # Global unicast addresses are in 2000::/3 (RFC 4291). All others are refused:
        # unspecified, loopback, IPv4-mapped and -compatible, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), discard;
        "::/3",
        "4000::/2",  # segment routing (5f00::/16) and unassigned
        "8000::/1",  # unique local (with metadata fd00:ec2::254), link-local, site-local, multicast
        # And within it:
        "2001::/23",  # protocol assignments (RFC 2928): Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4 (RFC 3056): leads to the IPv4 address that it contains
        "2620:4f:8000::/48",  # AS112 (RFC 7534)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_LOOPBACK_V4, _LOOPBACK_V6 = ip_network("127.0.0.0/8"), IPv6Network("::1/128")

# Only the characters of URLs (RFC 3986), and none that some parsers drop or interpret differently: no white space,
# control characters, backslashes or letters beyond ASCII.
_URL = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_INTERNAL_NAMES = (".internal", ".local", ".localhost", ".localdomain", ".home.arpa", ".onion")
_LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL. `host`: a name in lower case, or an address without brackets. `path`: with the query."""

    secure: bool
    host: str
    port: int
    path: str


def is_allowed(address: str, *, loopback: bool = False) -> bool:
    """Whether a request may go to an IP address in its usual text form.

    `loopback` allows loopback addresses, as on a developer's machine. Text that is not an address, or that has a zone
    (`fe80::1%eth0`), is not allowed.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        allowed = not any(parsed in network for network in _FORBIDDEN_V4)
    else:
        allowed = parsed.scope_id is None and not any(parsed in network for network in _FORBIDDEN_V6)
    return allowed or (loopback and _is_loopback(parsed))


def _is_loopback(address: IPv4Address | IPv6Address) -> bool:
    return address in (_LOOPBACK_V4 if isinstance(address, IPv4Address) else _LOOPBACK_V6)


def parse_target(url: str, *, loopback: bool = False) -> Target:
    """Return the target of a webhook URL. Raises Invalid, naming `url`, for a URL that webhooks may not use.

    Allowed are HTTPS URLs on one of PORTS, without user info or fragment, to a public address or a name of the public
    DNS. `loopback` also allows plain HTTP and any port to `localhost` and loopback addresses.
    """
    if len(url) > MAX_URL_LENGTH:
        raise _refuse("too_long", f"A URL has at most {MAX_URL_LENGTH} characters.")
    if not _URL.fullmatch(url):
        raise _refuse("malformed_url", "Write the URL in ASCII: percent-encode its path, use xn-- for names.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise _refuse("malformed_url", "This is not a URL.") from error
    if not host or parts.scheme not in ("http", "https") or parts.netloc.endswith(":"):
        raise _refuse("malformed_url", "Give a full https URL, such as https://example.com/hook.")
    if "@" in parts.netloc:
        raise _refuse("user_info", "A URL may not hold a user name or a password.")
    if "#" in url:
        raise _refuse("fragment", "A URL may not have a fragment (#), since it is never sent.")
    secure = parts.scheme == "https"
    target = Target(
        secure=secure,
        host=host,
        port=port if port is not None else 443 if secure else 80,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )
    if not (loopback and _is_local(host)):
        _check_public(target, is_bracketed="[" in parts.netloc)
    return target


def _check_public(target: Target, *, is_bracketed: bool) -> None:
    if not target.secure:
        raise _refuse("not_https", "Webhooks are sent only over https.")
    if target.port not in PORTS:
        allowed = ", ".join(map(str, PORTS))
        raise _refuse("port", f"Webhooks are sent only to the ports {allowed}.")
    if is_literal(target.host) or is_bracketed:
        if not is_allowed(target.host):
            raise _refuse(
                "forbidden_address",
                "Webhooks are sent only to public addresses, not to private, loopback or other special ones.",
            )
    elif len(target.host) > 253 or not _NAME.fullmatch(target.host) or _is_internal(target.host):
        # A name whose last label starts with a digit may be an address in another notation (127.1, 0x7f.1, 2130706433),
        # which resolvers accept. The pattern matches no such name.
        raise _refuse("host", "Give a host name of the public DNS, such as hooks.example.com.")


def is_literal(host: str) -> bool:
    """Whether a host is an IP address in its usual form rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_internal(name: str) -> bool:
    return name.endswith(_INTERNAL_NAMES)


def _is_local(host: str) -> bool:
    return host == _LOCALHOST or (is_literal(host) and _is_loopback(ip_address(host)))


def _refuse(code: str, message: str) -> Invalid:
    return Invalid.field("url", code, message)
