"""The resolver of a pod, run on this machine: names of the zone, names of others, and what should not be sent."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random  # noqa: TID251 - drawn from a fixed seed

import pytest

from runner.clock import Wakeup
from tests.sandbox.programs import (
    AAAA,
    CNAME,
    DEADLINE,
    PTR,
    SOA,
    SRV,
    A,
    ask,
    ask_at_once,
    ask_over_tcp,
    children_of,
    descriptors_of,
    free_port,
    is_refused,
    question,
    read_name,
    record,
    reply,
    running,
    until,
    until_listening,
    wire_name,
    with_descriptors,
    work_of,
)

NO_SUCH_NAME, SERVER_FAILURE = 3, 2
ZONE = """\
a web.default.svc.cluster.local 10.0.0.1
a many.default.svc.cluster.local 10.0.1.1
a many.default.svc.cluster.local 10.0.1.2
a many.default.svc.cluster.local 10.0.1.3
a web-0.nginx.default.svc.cluster.local 10.0.2.1
srv _http._tcp.web.default.svc.cluster.local 80 web.default.svc.cluster.local
cname near.default.svc.cluster.local web.default.svc.cluster.local
cname far.default.svc.cluster.local example.org
cname round.default.svc.cluster.local round.default.svc.cluster.local
ptr 1.0.0.10.in-addr.arpa web.default.svc.cluster.local
end
"""


@dataclass
class Upstream:
    """A server of others' names; ``answer`` makes the reply, None: silence."""

    port: int
    asked: list[str]
    answer: Callable[[bytes, str], bytes | None]


def example(query: bytes, name: str) -> bytes:
    """example.org is an alias; the answer refers to names as servers do, backwards."""
    if name == "example.org":
        alias = record(b"\xc0\x0c", CNAME, b"\x03www\xc0\x0c")
        return reply(query, alias, record(b"\x03www\xc0\x0c", A, bytes([192, 0, 2, 7])))
    return reply(query, code=NO_SUCH_NAME)


@contextmanager
def upstream(answer: Callable[[bytes, str], bytes | None] = example) -> Iterator[Upstream]:
    port = free_port()
    server = Upstream(port, [], answer)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    tcp = socket.create_server(("127.0.0.1", port))

    def serve_udp() -> None:
        while True:
            query, client = udp.recvfrom(65535)
            if query == b"end":
                return
            server.asked.append(read_name(query, 12)[0])
            made = server.answer(query, server.asked[-1])
            if made is not None:
                udp.sendto(made, client)

    def serve_tcp() -> None:
        while True:
            connection, _ = tcp.accept()
            with closing(connection):
                size = connection.recv(2)
                if not size:
                    return
                query = connection.recv(65535)
                server.asked.append(read_name(query, 12)[0])
                made = server.answer(query, server.asked[-1]) or b""
                connection.sendall(struct.pack("!H", len(made)) + made)

    threads = [threading.Thread(target=serve_udp), threading.Thread(target=serve_tcp)]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        udp.sendto(b"end", ("127.0.0.1", port))
        socket.create_connection(("127.0.0.1", port)).close()
        for thread in threads:
            thread.join(DEADLINE)
        udp.close()
        tcp.close()


@contextmanager
def resolver(pause: str, folder: Path, *servers: int, zone: str | None = ZONE) -> Iterator[int]:
    """A running resolver; yields its port."""
    port = free_port()
    config, place = folder / "resolv.conf", folder / "zone"
    config.write_text("".join(f"nameserver 127.0.0.1#{server}\n" for server in servers))
    if zone is not None:
        place.write_text(zone)
    with running(pause, "resolver", "127.0.0.1", str(port), str(config), str(place)):
        until_listening(port)
        yield port


NAMES: list[tuple[str, str, int, int, list[str]]] = [
    ("a Service's address", "web.default.svc.cluster.local", A, 0, ["10.0.0.1"]),
    ("in any case", "WEB.default.SVC.cluster.LOCAL", A, 0, ["10.0.0.1"]),
    ("a pod behind a headless Service", "web-0.nginx.default.svc.cluster.local", A, 0, ["10.0.2.1"]),
    ("no IPv6, but the name is there", "web.default.svc.cluster.local", AAAA, 0, []),
    ("a name that is only above others", "default.svc.cluster.local", A, 0, []),
    ("a headless Service without ready pods", "nginx.default.svc.cluster.local", A, 0, []),
    ("a name that is not there", "none.default.svc.cluster.local", A, NO_SUCH_NAME, []),
    ("a name below one that is there", "x.web.default.svc.cluster.local", A, NO_SUCH_NAME, []),
    ("an end of a name that is there", "eb.default.svc.cluster.local", A, NO_SUCH_NAME, []),
    ("a port", "_http._tcp.web.default.svc.cluster.local", SRV, 0, ["0 100 80 web.default.svc.cluster.local"]),
    ("an address in a name", "172-17-0-9.default.pod.cluster.local", A, 0, ["172.17.0.9"]),
    ("which has no other type", "172-17-0-9.default.pod.cluster.local", AAAA, 0, []),
    ("no address in a name", "172-17-0-900.default.pod.cluster.local", A, NO_SUCH_NAME, []),
    ("the name of an address", "1.0.0.10.in-addr.arpa", PTR, 0, ["web.default.svc.cluster.local"]),
    ("the resolver's own name", "10.0.0.127.in-addr.arpa", PTR, 0, ["kube-dns.kube-system.svc.cluster.local"]),
    ("an alias within", "near.default.svc.cluster.local", A, 0, ["web.default.svc.cluster.local", "10.0.0.1"]),
    (
        "an alias of itself",
        "round.default.svc.cluster.local",
        A,
        SERVER_FAILURE,
        ["round.default.svc.cluster.local"] * 8,
    ),
]


@pytest.fixture(scope="module")
def alone(pause: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A resolver that has no server to ask."""
    with resolver(pause, tmp_path_factory.mktemp("alone")) as port:
        yield port


@pytest.mark.parametrize(("name", "kind", "code", "texts"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_a_name_of_the_zone_is_answered_over_udp_and_tcp(
    alone: int, name: str, kind: int, code: int, texts: list[str]
) -> None:
    query = question(name, kind, number=77)
    for answer in (ask(alone, query), *ask_over_tcp(alone, query)):
        assert (answer.number, answer.name, answer.code, answer.texts) == (77, name, code, texts)
        assert list(answer.authority) == ([] if texts else [SOA])
        assert not answer.has_edns
    assert ask(alone, question(name, kind, size=1232)).has_edns


FAULTS = """\
nxdomain web.default.svc.cluster.local
servfail m?ny.*
answer *.example.org 192.0.2.1
answer none* 192.0.2.2
answer near.* no-address
nxdomain example.net
delay web-0.* 700
delay gone.* 5000000
end
"""
WRONG: list[tuple[str, str, int, int, list[str]]] = [
    ("a name that is not there any more", "WEB.default.svc.cluster.local", A, NO_SUCH_NAME, []),
    ("of any type", "web.default.svc.cluster.local", AAAA, NO_SUCH_NAME, []),
    ("a server that fails", "many.default.svc.cluster.local", A, SERVER_FAILURE, []),
    ("a name of others with an address", "www.example.org", A, 0, ["192.0.2.1"]),
    ("which has no other", "www.example.org", AAAA, 0, []),
    ("a name that was not there", "none.default.svc.cluster.local", A, 0, ["192.0.2.2"]),
    ("a name of others that is not there", "example.net", A, NO_SUCH_NAME, []),
    ("a line that says nothing", "near.default.svc.cluster.local", A, 0, ["web.default.svc.cluster.local", "10.0.0.1"]),
    ("a name that no pattern means", "default.svc.cluster.local", A, 0, []),
    ("a late name that is not there", "gone.default.svc.cluster.local", A, NO_SUCH_NAME, []),
    ("an answer that is late", "web-0.nginx.default.svc.cluster.local", A, 0, ["10.0.2.1"]),
]


@pytest.fixture(scope="module")
def faulty(pause: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A resolver whose answers go wrong on purpose."""
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "zone-faults").write_text(FAULTS)
    with resolver(pause, folder) as port:
        yield port


@pytest.mark.parametrize(("name", "kind", "code", "texts"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_an_answer_goes_wrong_on_purpose_over_udp_and_tcp(
    faulty: int, name: str, kind: int, code: int, texts: list[str]
) -> None:
    query = question(name, kind, number=78)
    for answer in (ask(faulty, query), *ask_over_tcp(faulty, query)):
        assert (answer.number, answer.name.lower(), answer.code, answer.texts) == (78, name.lower(), code, texts)
    assert ask(faulty, question(name, kind, size=1232)).has_edns


def test_a_late_answer_is_overtaken_by_others(faulty: int) -> None:
    names = ("web-0.nginx.default.svc.cluster.local", "www.example.org", "web-0.nginx.default.svc.cluster.local")
    answers = ask_at_once(faulty, *(question(name, number=number) for number, name in enumerate(names)))
    assert [answer.number for answer in answers] == [1, 0, 2]


def test_what_goes_wrong_may_change_and_concerns_what_an_alias_stands_for(pause: str, tmp_path: Path) -> None:
    place, far = tmp_path / "zone-faults", question("far.default.svc.cluster.local")
    with upstream() as server, resolver(pause, tmp_path, server.port) as port:
        assert ask(port, far).texts == ["example.org", "www.example.org", "192.0.2.7"]
        place.write_text("answer example.org 192.0.2.3\nend\n")
        until(lambda: ask(port, far).texts == ["example.org", "192.0.2.3"], "the address of the alias has changed")
        place.write_text("nxdomain *.org\nnot whole")
        assert ask(port, far).texts == ["example.org", "192.0.2.3"]
        place.write_text("nxdomain *.org\nend\n")
        until(lambda: ask(port, far).code == NO_SUCH_NAME, "the alias leads nowhere")
        assert ask(port, far).texts == ["example.org"]


def test_answers_begin_with_another_address_each_time(alone: int) -> None:
    query = question("many.default.svc.cluster.local")
    seen = [ask(alone, query).texts for _ in range(3)]
    assert {texts[0] for texts in seen} == {"10.0.1.1", "10.0.1.2", "10.0.1.3"}
    assert all(len(set(texts)) == 3 for texts in seen)


def test_a_name_of_others_fails_at_once_when_nobody_can_be_asked(alone: int) -> None:
    """A query that waited would be overtaken by the last one, which is known."""
    names = ("example.org", "far.default.svc.cluster.local", "web.default.svc.cluster.local")
    answers = ask_at_once(alone, *(question(name, number=number) for number, name in enumerate(names)))
    assert [(answer.number, answer.code) for answer in answers] == [(0, SERVER_FAILURE), (1, SERVER_FAILURE), (2, 0)]
    assert [answer.code for answer in ask_over_tcp(alone, question("example.org"))] == [SERVER_FAILURE]


def test_a_long_answer_is_cut_unless_there_is_room_for_it(pause: str, tmp_path: Path) -> None:
    lines = "".join(f"a big.default.svc.cluster.local 10.1.0.{number}\n" for number in range(100))
    with resolver(pause, tmp_path, zone=f"{lines}end\n") as port:
        name = "big.default.svc.cluster.local"
        short = ask(port, question(name))
        assert short.is_cut
        assert 20 < len(short.records) < 100
        assert len(ask(port, question(name, size=4096)).records) == 100
        (whole,) = ask_over_tcp(port, question(name))
        assert (whole.is_cut, len(whole.records)) == (False, 100)


def test_other_names_are_asked_of_the_servers_that_the_file_names(pause: str, tmp_path: Path) -> None:
    with upstream() as server, resolver(pause, tmp_path, server.port) as port:
        query = question("example.org", number=99)
        for answer in (ask(port, query), *ask_over_tcp(port, query)):
            assert (answer.number, answer.texts) == (99, ["www.example.org", "192.0.2.7"])
        assert ask(port, question("nowhere.example")).code == NO_SUCH_NAME
        assert server.asked == ["example.org", "example.org", "nowhere.example"]


@pytest.mark.parametrize("size", [0, 1232])
def test_an_external_name_has_the_addresses_of_what_it_stands_for(pause: str, tmp_path: Path, size: int) -> None:
    with upstream() as server, resolver(pause, tmp_path, server.port) as port:
        query = question("Far.default.svc.cluster.local", number=5, size=size)
        for answer in (ask(port, query), *ask_over_tcp(port, query)):
            assert (answer.number, answer.name, answer.code) == (5, "Far.default.svc.cluster.local", 0)
            assert answer.texts == ["example.org", "www.example.org", "192.0.2.7"]
            assert [name.lower() for name, _, _ in answer.records] == [
                "far.default.svc.cluster.local",
                "example.org",
                "www.example.org",
            ]


def test_the_next_server_is_asked_when_one_is_gone_or_fails(pause: str, tmp_path: Path) -> None:
    with (
        upstream(lambda query, _: reply(query, code=SERVER_FAILURE)) as failing,
        upstream() as good,
        resolver(pause, tmp_path, free_port(), failing.port, good.port) as port,
    ):
        assert ask(port, question("example.org")).texts == ["www.example.org", "192.0.2.7"]
        assert (failing.asked, good.asked) == (["example.org"], ["example.org"])


def test_a_server_that_is_silent_holds_nobody_else_up(pause: str, tmp_path: Path) -> None:
    """The one that waits is told in the end that it failed."""
    with (
        upstream(lambda _query, _name: None) as silent,
        resolver(pause, tmp_path, silent.port) as port,
    ):
        waiting, known = question("example.org", number=1), question("web.default.svc.cluster.local", number=2)
        first, second = ask_at_once(port, waiting, known)
        assert (first.number, first.texts) == (2, ["10.0.0.1"])
        assert (second.number, second.code) == (1, SERVER_FAILURE)
        assert len(silent.asked) == 2


def test_a_zone_is_read_again_but_only_as_a_whole(pause: str, tmp_path: Path) -> None:
    with resolver(pause, tmp_path, zone=None) as port:
        place = tmp_path / "zone"
        first, second = question("web.default.svc.cluster.local"), question("late.default.svc.cluster.local")
        assert ask(port, question("kubernetes.default.svc.cluster.local")).texts == ["10.96.0.1"]
        assert ask(port, first).code == NO_SUCH_NAME
        place.write_text(ZONE)
        assert ask(port, first).texts == ["10.0.0.1"]
        place.write_text("a late.default.svc.cluster.local 10.0.0.9\n")
        assert ask(port, second).code == NO_SUCH_NAME
        assert ask(port, first).texts == ["10.0.0.1"]
        with place.open("a") as file:
            file.write("end\n")
        assert ask(port, second).texts == ["10.0.0.9"]
        assert ask(port, first).code == NO_SUCH_NAME


def test_nothing_that_is_sent_breaks_the_resolver(pause: str, tmp_path: Path) -> None:
    """Cut, changed and invented packets, as questions and as answers of a server."""
    chance = Random(7)

    def mangled(packet: bytes) -> bytes:
        data = bytearray(packet[: chance.randrange(len(packet) + 1)] if chance.random() < 0.3 else packet)
        for _ in range(chance.randrange(4)):
            if data:
                data[chance.randrange(len(data))] = chance.choice([0, 0xC0, 0xFF, 12, chance.randrange(256)])
        return bytes(data)

    def strange(query: bytes, name: str) -> bytes:
        return query[:2] + mangled(example(query, name))[2:]

    with upstream(strange) as server, resolver(pause, tmp_path, server.port) as port:
        names = ["web.default.svc.cluster.local", "far.default.svc.cluster.local", "example.org", "x" * 63, ""]
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
            for number in range(4000):
                name = chance.choice(names)
                if number % 50 == 0:  # What comes too fast is lost, as it is on every network.
                    persistently(port)
                client.sendto(mangled(question(name, chance.choice([A, SRV, 255]), size=1232)), ("127.0.0.1", port))
        for _ in range(10):
            with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as client:
                client.sendall(struct.pack("!H", 20) + chance.randbytes(chance.randrange(20)))
        persistently(port)


def persistently(port: int) -> None:
    """Ask as clients do: again when there is no answer."""
    for _ in range(10):
        with suppress(TimeoutError):
            assert ask(port, question("web.default.svc.cluster.local"), timeout=1.0).texts == ["10.0.0.1"]
            return
    raise AssertionError("no answer")


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (b"\0\7\x28\0" + question("web.default.svc.cluster.local")[4:], 4),
        (b"\0\7\1\0\0\2" + question("web.default.svc.cluster.local")[6:], 1),
        (b"\0\7\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 1),
        (b"\0\7\1\0\0\1\0\0\0\0\0\0" + wire_name("web.default.svc.cluster.local") + b"\0\1\0\3", 5),
    ],
    ids=["another operation", "two questions", "a name that refers to itself", "another class"],
)
def test_what_is_no_question_is_refused(alone: int, packet: bytes, code: int) -> None:
    assert ask(alone, packet).code == code


def test_resolv_conf_is_taken_over_in_place(pause: str, tmp_path: Path) -> None:
    """The servers stay known, so that taking it over again changes nothing."""
    config, port = tmp_path / "resolv.conf", str(free_port())
    config.write_text(
        "# made\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nsearch lan local\noptions ndots:1 rotate\n"
    )
    inode = config.stat().st_ino
    texts = []
    for _ in range(2):
        command = (
            pause,
            "resolver",
            "127.0.0.1",
            port,
            str(config),
            str(tmp_path / "zone"),
            "a.svc.cluster.local cluster.local",
        )
        with running(*command):
            until_listening(int(port))
            ask(int(port), question("x.cluster.local"))
        # A process that took a connection has the listeners for a moment, also when the resolver has ended meanwhile.
        until(lambda: is_refused(int(port)), "the end of its listeners")
        texts.append(config.read_text())
    assert texts[0] == texts[1]
    assert texts[0] == (
        "search a.svc.cluster.local cluster.local lan local\nnameserver 127.0.0.1\noptions ndots:5\n"
        "#server 192.0.2.1\n#server fe80::1%eth0\n"
    )
    assert config.stat().st_ino == inode


def test_a_resolver_that_cannot_listen_leaves_the_file_alone(pause: str, tmp_path: Path) -> None:
    config = tmp_path / "resolv.conf"
    config.write_text("nameserver 192.0.2.1\n")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        command = [pause, "resolver", "127.0.0.1", port, str(config), str(tmp_path / "zone"), "cluster.local"]
        done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stderr) == (1, b"pause: the pod keeps the resolvers that it has\n")
    assert config.read_text() == "nameserver 192.0.2.1\n"


def test_an_answer_that_was_cut_is_not_whole_for_an_alias_either(pause: str, tmp_path: Path) -> None:
    def cut(query: bytes, name: str) -> bytes:
        whole = example(query, name)
        return whole[:2] + bytes([whole[2] | 2]) + whole[3:]

    with upstream(cut) as server, resolver(pause, tmp_path, server.port) as port:
        assert ask(port, question("far.default.svc.cluster.local")).is_cut


def test_a_broken_answer_leaves_nothing_in_the_next_one(pause: str, tmp_path: Path) -> None:
    def broken(query: bytes, name: str) -> bytes:
        one = record(b"\xc0\x0c", A, bytes([192, 0, 2, 66]))
        return reply(query, one, record(b"\xc0\x0c", A, bytes(4)))[:-2]

    with (
        upstream(broken) as first,
        upstream() as second,
        resolver(pause, tmp_path, first.port, second.port) as port,
    ):
        query = question("far.default.svc.cluster.local")
        for answer in (ask(port, query), *ask_over_tcp(port, query)):
            assert answer.texts == ["example.org", "www.example.org", "192.0.2.7"]


def test_the_resolver_does_not_ask_itself(pause: str, tmp_path: Path) -> None:
    port, config = free_port(), tmp_path / "resolv.conf"
    config.write_text(f"nameserver 127.0.0.1#{port}\n")
    with running(pause, "resolver", "127.0.0.1", str(port), str(config), str(tmp_path / "zone")):
        until_listening(port)
        assert ask(port, question("example.org"), timeout=1.0).code == SERVER_FAILURE


def test_what_is_no_answer_is_not_passed_on(pause: str, tmp_path: Path) -> None:
    with (
        upstream(lambda query, _: query) as mirror,
        upstream() as good,
        resolver(pause, tmp_path, mirror.port, good.port) as port,
    ):
        for answer in (ask(port, question("example.org")), *ask_over_tcp(port, question("example.org"))):
            assert answer.texts == ["www.example.org", "192.0.2.7"]


def test_a_connection_to_the_resolver_has_its_own_descriptor_alone(pause: str, tmp_path: Path) -> None:
    port, config = free_port(), tmp_path / "resolv.conf"
    config.write_text("")
    with running(pause, "resolver", "127.0.0.1", str(port), str(config), str(tmp_path / "zone")) as process:
        until_listening(port)
        with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as client:
            query = question("kubernetes.default.svc.cluster.local")
            client.sendall(struct.pack("!H", len(query)) + query)
            assert client.recv(2)
            until(lambda: len(children_of(process.pid)) == 1, "the end of the first connection")
            assert len(descriptors_of(children_of(process.pid)[0])) == 1


@pytest.mark.parametrize("count", [7, 12])
def test_a_resolver_without_descriptors_still_answers_what_it_knows(pause: str, tmp_path: Path, count: int) -> None:
    """What it would need one for fails at once, and a client that cannot be taken keeps no processor busy."""
    config, place, port = tmp_path / "resolv.conf", tmp_path / "zone", free_port()
    known = question("web.default.svc.cluster.local", number=2)
    place.write_text(ZONE)
    with upstream(lambda _query, _name: None) as silent:
        config.write_text(f"nameserver 127.0.0.1#{silent.port}\n")
        command = (pause, "resolver", "127.0.0.1", str(port), str(config), str(place))
        with running(*with_descriptors(count, *command)) as process:
            until_listening(port)
            with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)):
                with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asking:
                    for _ in range(20):
                        asking.sendto(question("example.org"), ("127.0.0.1", port))
                before = work_of(process.pid)
                Wakeup().wait(0.3)
                assert work_of(process.pid) - before < 10
            assert ask(port, known).texts == ["10.0.0.1"]


def test_a_file_that_is_too_long_to_be_understood_is_left_alone(pause: str, tmp_path: Path) -> None:
    config = tmp_path / "resolv.conf"
    config.write_text("nameserver 192.0.2.1\n" * 1000)
    before = config.read_text()
    command = [pause, "resolver", "127.0.0.1", str(free_port()), str(config), str(tmp_path / "zone"), "cluster.local"]
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stderr) == (1, b"pause: the pod keeps the resolvers that it has\n")
    assert config.read_text() == before


def test_a_file_that_cannot_be_written_whole_is_as_before(pause: str, tmp_path: Path) -> None:
    """Where the disk is full: here this process may write 512 bytes."""
    config = tmp_path / "resolv.conf"
    config.write_text("nameserver 192.0.2.1\nsearch lan\n")
    before, domains = config.read_text(), " ".join(f"{'x' * 60}.cluster.local" for _ in range(10))
    command = [pause, "resolver", "127.0.0.1", str(free_port()), str(config), str(tmp_path / "zone"), domains]
    limited = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *command]
    done = subprocess.run(limited, capture_output=True, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stderr) == (1, b"pause: the pod keeps the resolvers that it has\n")
    assert config.read_text() == before
