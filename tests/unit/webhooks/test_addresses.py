"""The addresses that webhooks may use (checks 67 and 70)."""

from __future__ import annotations

import pytest

from shared.domain.errors import Invalid
from shared.domain.webhooks.addresses import MAX_URL_LENGTH, Target, is_allowed, parse_target

FORBIDDEN = (
    # this network, private, CGNAT, loopback
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    # link-local and metadata
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.1",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd00:ec2::23",
    # assignments, documentation, benchmarking, relays
    "192.0.0.170",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    # multicast, reserved, broadcast
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    # IPv6: unspecified, loopback, mapped and compatible, whatever they contain
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    # NAT64, 6to4, Teredo
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    # assignments, benchmarking, ORCHID, documentation, discard, segment routing
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "2620:4f:8000::1",
    # unique local, link-local, site-local, multicast, unassigned
    "fc00::1",
    "fdff::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "4000::1",
    "e000::1",
)
ALLOWED = (
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
    "2001:4860:4860::8888",
)
ODD_HOSTS = (
    # IPv4 addresses in other notations
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "127.0.0.01",
    "0",
    "1.1.1.1.1",
    "3232235521",
    "a.0x7f000001",
    "example.1",
    # digits and dots of other scripts, which some parsers take for ASCII
    "①②⑦.⓪.⓪.①",
    "１２７.0.0.1",
    "127。0。0。1",
    "١٢٧.0.0.1",
    "ⓔxample.com",
    # internal names
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "metadata",
    "metadata.google.internal",
    "ip-10-0-0-1.ec2.internal",
    "printer.local",
    "router.home.arpa",
    # unusual forms
    "",
    ".",
    "..",
    "example..com",
    ".example.com",
    "example.com.",
    "-example.com",
    "exam ple.com",
    "example.com\\@127.0.0.1",
    "example.com%2e",
    "%6c%6fcalhost",
    "[::1%25eth0]",
    "[example.com]",
    "[127.0.0.1]",
    "[1.1.1.1]",
    "[v1.a]",
    "a" * 64 + ".com",
    ".".join(["a" * 60] * 5) + ".com",
)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_check_67_no_request_may_go_to_a_special_address(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address)


@pytest.mark.parametrize(
    "text", ["", "localhost", "2130706433", "0x7f.1", "127.1", "01.1.1.1", "1.1.1.1 ", "[::1]"]
)
def test_what_is_no_address_in_its_usual_form_is_not_allowed(text: str) -> None:
    assert not is_allowed(text)
    assert not is_allowed(text, loopback=True)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_developers_machine_adds_loopback_and_nothing_else(address: str) -> None:
    assert is_allowed(address, loopback=True) is (address == "::1" or address.startswith("127."))


@pytest.mark.parametrize(
    "host", [*(f"[{address}]" if ":" in address else address for address in FORBIDDEN), *ODD_HOSTS]
)
def test_check_67_an_odd_or_internal_host_is_refused_when_a_webhook_is_made(host: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_target(f"https://{host}/hook")
    assert refusal.value.errors[0].field == "url"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com/", "not_https"),
        ("http://example.com:443/", "not_https"),
        ("ftp://example.com/", "malformed_url"),
        ("file:///etc/passwd", "malformed_url"),
        ("gopher://example.com/", "malformed_url"),
        ("javascript:alert(1)", "malformed_url"),
        ("//example.com/", "malformed_url"),
        ("example.com/hook", "malformed_url"),
        ("https:example.com", "malformed_url"),
        ("https:///hook", "malformed_url"),
        ("https://example.com:/", "malformed_url"),
        ("https://example.com:22/", "port"),
        ("https://example.com:25/", "port"),
        ("https://example.com:80/", "port"),
        ("https://example.com:6379/", "port"),
        ("https://example.com:0/", "port"),
        ("https://example.com:65536/", "malformed_url"),
        ("https://example.com:٤٤٣/", "malformed_url"),
        ("https://example.com:-1/", "malformed_url"),
        ("https://ada@example.com/", "user_info"),
        ("https://ada:secret@example.com/", "user_info"),
        ("https://@example.com/", "user_info"),
        ("https://1.1.1.1@127.0.0.1/", "user_info"),
        ("https://example.com/#top", "fragment"),
        ("https://example.com#@127.0.0.1/", "fragment"),
        (" https://example.com/", "malformed_url"),
        ("https://example.com/\n", "malformed_url"),
        ("https://exa\tmple.com/", "malformed_url"),
        ("https://example.com/\r\nHost: x", "malformed_url"),
        ("https://example.com/\x00", "malformed_url"),
        ("https://example.com/ä", "malformed_url"),
        ("https://example.com/" + "a" * MAX_URL_LENGTH, "too_long"),
    ],
)
def test_check_70_https_on_listed_ports_without_user_info_alone(url: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_target(url)
    assert refusal.value.errors[0].code == code


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", Target(True, "example.com", 443, "/")),
        ("https://Hooks.Example.COM:8443/a/b?c=d&e", Target(True, "hooks.example.com", 8443, "/a/b?c=d&e")),
        ("https://xn--bcher-kva.example/x", Target(True, "xn--bcher-kva.example", 443, "/x")),
        ("https://a_b.example.co.uk:443/%20", Target(True, "a_b.example.co.uk", 443, "/%20")),
        ("https://1.1.1.1/", Target(True, "1.1.1.1", 443, "/")),
        ("https://[2606:4700:4700::1111]:8443/", Target(True, "2606:4700:4700::1111", 8443, "/")),
        ("https://example.com/a:b@c", Target(True, "example.com", 443, "/a:b@c")),
    ],
)
def test_a_public_https_url_is_taken_apart(url: str, target: Target) -> None:
    assert parse_target(url) == target


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://localhost:9000/hook", Target(False, "localhost", 9000, "/hook")),
        ("http://127.0.0.1/", Target(False, "127.0.0.1", 80, "/")),
        ("https://[::1]:8443/", Target(True, "::1", 8443, "/")),
    ],
)
def test_a_developers_machine_may_use_plain_http_on_loopback(url: str, target: Target) -> None:
    assert parse_target(url, loopback=True) == target
    with pytest.raises(Invalid):
        parse_target(url)


@pytest.mark.parametrize(
    "url", ["http://example.com/", "http://10.0.0.1/", "http://169.254.169.254/", "https://example.com:9000/"]
)
def test_a_developers_machine_keeps_the_rules_for_all_else(url: str) -> None:
    with pytest.raises(Invalid):
        parse_target(url, loopback=True)
