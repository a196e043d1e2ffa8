"""Which machines a name stands for, and whether a crawl may reach them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Final

Resolve = Callable[[str, int], list[str]]  # (host, port) -> IP addresses; raises OSError when there is no such host

# Of IPv6 only what is given out to sites is public. Mapped (::ffff:), NAT64 and Teredo addresses, which may hide any of
# IPv4, lie outside of it or are not global; 6to4, which may too, lies inside.
_IPV6_SITES: Final = ipaddress.IPv6Network("2000::/3")
_IPV6_6TO4: Final = ipaddress.IPv6Network("2002::/16")


def addresses_of(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver gives for `host`, each once, in its order; OSError when none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether an IP address is anybody's on the internet: not loopback, private, link-local, shared or multicast."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        return ip in _IPV6_SITES and ip not in _IPV6_6TO4 and ip.is_global
    return ip.is_global and not ip.is_multicast and not ip.is_reserved
