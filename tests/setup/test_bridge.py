"""The address range of a bridge of our own."""

from __future__ import annotations

from ipaddress import IPv4Network

from tools.bridge import free_network, name, routes
from tools.place import engine_place

TABLE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth0\t00FF1FAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def test_the_kernels_table_is_read_without_the_default_route() -> None:
    assert [str(network) for network in routes(TABLE)] == ["172.17.0.0/16", "172.31.255.0/24"]


def test_a_network_that_is_taken_is_not_given() -> None:
    assert str(free_network([])) == "172.31.255.0/24"
    assert str(free_network([IPv4Network("172.31.255.0/24")])) == "172.31.254.0/24"
    assert str(free_network([IPv4Network("172.24.0.0/13")])) == "172.23.255.0/24"


def test_each_state_directory_has_a_bridge_with_a_name_that_the_kernel_takes() -> None:
    first, second = (name(engine_place({"PODRUNNER_HOME": home})) for home in ("/a", "/b"))
    assert first != second
    assert len(first) <= 15
