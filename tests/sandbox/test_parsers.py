"""The parsers of the sandbox's programs, each on its own, with sanitizers: what once broke one, and inputs by the thousand.

More of the same: `make fuzz-sandbox`.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from runner.sandbox.build import PARSERS
from tests.sandbox.programs import CNAME, A, question, record, reply
from tools import fuzz_sandbox, sanitized

RUNS = {
    "answer": 16_000,
    "endpoints": 40_000,
    "faults": 8_000,
    "number": 100_000,
    "question": 100_000,
    "resolvconf": 30_000,
    "stream": 40_000,
    "text": 40_000,
    "zone": 16_000,
}
"""How many inputs: each parser about two seconds."""

QUERY = question("example.org", number=7)
POINTER = b"\xc0\x0c"

FOUND: list[tuple[str, str, bytes]] = [
    ("a number that is too large for its type", "number", b"4294967300"),
    ("a number that wraps to a port", "number", b"42949672960"),
    ("a server without a port", "resolvconf", b"nameserver 192.0.2.1#\n"),
    ("a server with a word as its port", "resolvconf", b"nameserver 2001:db8::1#dns\n"),
    ("an address of five bytes", "answer", reply(QUERY, record(POINTER, A, bytes(5)))),
    ("an address of no bytes", "answer", reply(QUERY, record(POINTER, A, b""))),
    (
        "records before one that is cut",
        "answer",
        reply(QUERY, record(POINTER, A, bytes(4)), record(POINTER, A, bytes(4)))[:-1],
    ),
    (
        "a name of 256 bytes, one more than there may be",
        "question",
        QUERY[:12] + (b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"a" * 62 + b"\0\0\1\0\1",
    ),
    ("a name of 257 bytes", "question", QUERY[:12] + (b"\x3f" + b"a" * 63) * 3 + b"\x3f" + b"a" * 63 + b"\0\0\1\0\1"),
    ("a question sent back as its answer", "answer", QUERY),
    (
        "more new ports than places beside the old ones",
        "endpoints",
        b"".join(b"udp %d none 10.0.0.1:1\n" % number for number in range(1, 65))
        + b"\nnext\n"
        + b"".join(b"udp %d none 10.0.0.1:1\n" % number for number in range(101, 165)),
    ),
]
"""What once broke a promise, and must not again: the parser and its input."""

NASTY: list[tuple[str, str, bytes]] = [
    ("nothing", "question", b""),
    ("a header alone", "question", QUERY[:12]),
    ("a name that refers to itself", "question", QUERY[:12] + b"\xc0\x0c\0\1\0\1"),
    ("a name that ends outside", "question", QUERY[:12] + b"\x3fabc"),
    ("a name of 255 bytes", "question", QUERY[:12] + (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0\0\1\0\1"),
    ("a name of 1000 labels", "question", QUERY[:12] + b"\1a" * 1000 + b"\0\0\1\0\1"),
    ("two names that refer to each other", "answer", reply(QUERY, record(b"\xc0\x29", A, bytes(4)))),
    ("a reference forwards", "answer", reply(QUERY, record(b"\xc0\xff", A, bytes(4)))),
    ("references one behind the other", "answer", reply(QUERY, *(record(POINTER, CNAME, POINTER) for _ in range(500)))),
    ("more records than there are", "answer", QUERY[:2] + b"\x81\x80\0\1\xff\xff\0\0\0\0" + QUERY[12:]),
    ("more questions than there are", "answer", QUERY[:2] + b"\x81\x80\xff\xff\0\0\0\0\0\0" + QUERY[12:]),
    ("an alias that is cut", "answer", reply(QUERY, record(POINTER, CNAME, b"\3www\xc0\x0c"))[:-1]),
    ("an alias and more in its record", "answer", reply(QUERY, record(POINTER, CNAME, b"\3www\0\3www\0"))),
    ("a length without a message", "stream", b"\xff\xff"),
    ("half of a length", "stream", b"\0"),
    ("a message that is cut", "stream", struct.pack("!H", len(QUERY)) + QUERY[:-1]),
    ("a message of no bytes", "stream", b"\0\0" + struct.pack("!H", len(QUERY)) + QUERY),
    ("aliases in a ring", "zone", b"1 a.cluster.local\ncname a.cluster.local cluster.local\ncname cluster.local a.cluster.local"),
    ("a label of 64 letters", "zone", b"1 a.cluster.local\ncname a.cluster.local " + b"x" * 64 + b".cluster.local\n"),
    ("an address for a pod that is none", "zone", b"1 1-2-3-4-5-6-7-8-9.x.pod.cluster.local\na x 1.2.3.4\n"),
    ("a pod without a namespace", "zone", b"1 1-2-3-4.pod.cluster.local\na x 1.2.3.4\n"),
    ("a port with endpoints beyond number", "endpoints", b"tcp 80 none" + b" 10.0.0.1:80" * 300 + b"\n"),
    ("a word longer than every room", "endpoints", b"tcp 80 none " + b"1" * 3000 + b":80\n"),
    ("a file of one long line", "resolvconf", b"search " + b"x" * 16000),
    ("a file of servers alone", "resolvconf", b"nameserver 1.1.1.1\n" * 800),
    ("a mark alone", "text", b"end\n"),
    ("a mark inside a word", "text", b"a\nbend\n"),
]  # fmt: skip
"""What an attacker would try."""


@pytest.mark.parametrize(("target", "data"), [row[1:] for row in FOUND + NASTY], ids=[row[0] for row in FOUND + NASTY])
def test_an_input_breaks_no_parser(driver: Path, tmp_path: Path, target: str, data: bytes) -> None:
    place = tmp_path / "input"
    place.write_bytes(data)
    done = sanitized.replay(driver, target, tmp_path / "current", place)
    assert (done.returncode, done.stdout) == (0, "1 inputs\n"), done.stderr


@pytest.mark.parametrize("target", sanitized.TARGETS)
def test_thousands_of_inputs_break_no_parser(driver: Path, tmp_path: Path, target: str) -> None:
    outcome = sanitized.drive(driver, target, RUNS[target], 12, tmp_path / "current")
    if outcome.broken:
        pytest.fail(f"{outcome.report}\nAgain: {sanitized.replaying(target, outcome.broken)}", pytrace=False)
    assert outcome.executions == RUNS[target]
    assert outcome.kept, "nothing was reached beyond the first inputs"


def test_every_parser_is_fuzzed_and_has_inputs_to_begin_with() -> None:
    """The names stand in one header, and whatever is compiled as a parser is called by one of them."""
    names = re.findall(r"X\((\w+)\)", (sanitized.FUZZ / "targets.h").read_text())
    assert tuple(names) == sanitized.TARGETS == tuple(RUNS)
    assert {path.name for path in sanitized.SEEDS.iterdir()} == set(names)
    assert all(sanitized.seeds(target) for target in names)
    text = (sanitized.FUZZ / "targets.c").read_text()
    called = {"text.c": "next_word", "dns.c": "read_question", "zone.c": "answer_from", "stream.c": "answer_connection"}
    called |= {"resolvconf.c": "rewrite_resolv_conf", "endpoints.c": "read_ports", "faults.c": "answer_with_faults"}
    assert set(called) | {"table.c"} == set(PARSERS), "table.c alone reads files; what it makes of them is in text.c"
    assert all(f"{function}(" in text for function in called.values())


def test_a_broken_parser_is_told_with_its_input_and_the_command_that_tries_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver is one that dies of everything."""
    monkeypatch.setattr(sanitized, "FOUND", tmp_path / "found")
    broken = tmp_path / "driver"
    broken.write_text("#!/bin/sh\nprintf '\\003\\0\\0\\0\\0\\0\\0\\0abcdef' > \"$2\"\necho 'it hurts' >&2\nexit 7\n")
    broken.chmod(0o755)
    outcome = sanitized.drive(broken, "number", 1, 1, tmp_path / "current")
    assert outcome.broken is not None
    assert outcome.broken.read_bytes() == b"abc"
    assert "it hurts" in outcome.report
    assert sanitized.replaying("number", outcome.broken) == (
        f"python3 -m tools.fuzz_sandbox replay number {outcome.broken}"
    )


@pytest.mark.parametrize(
    "arguments", [["0"], ["-1"], ["replay"], ["replay", "number"], ["replay", "none", "x"], ["1", "2"]]
)
def test_wrong_arguments_of_the_fuzzer_are_exit_code_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert fuzz_sandbox.main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: ")
