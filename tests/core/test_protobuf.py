"""Bodies in protobuf: those that kubectl 1.37 sends, and bytes that are none."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from runner.core.apimachinery import protobuf
from runner.core.apimachinery.decoding import decode, type_of
from runner.core.apimachinery.statuses import StatusError

PATH = Path(__file__).parents[2] / "fixtures" / "conformance" / "apiserver" / "protobuf-bodies.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in PATH.read_text().splitlines() if line.strip()]


def meaning(value: dict[str, Any]) -> Any:
    """An object as the server would hold it; of a kind that is not served, what it says."""
    try:
        name = type_of(value["apiVersion"], value["kind"])
    except KeyError:
        return protobuf.without_zeros(value)
    decoded = decode(value, name)
    assert (decoded.fault, decoded.unknown) == ("", ())
    return protobuf.without_zeros(decoded.value)


@pytest.mark.parametrize("row", ROWS, ids=[f"{number}-{row['json']['kind']}" for number, row in enumerate(ROWS)])
def test_a_body_means_what_the_server_took_it_for(row: dict[str, Any]) -> None:
    assert meaning(protobuf.parse_body(base64.b64decode(row["body"]))) == meaning(row["json"])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (2**64 - 1))
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def body(version: str, kind: str, raw: bytes) -> bytes:
    return b"k8s\x00" + field(1, field(1, version.encode()) + field(2, kind.encode())) + field(2, raw)


def test_zeros_that_were_written_are_kept_where_they_mean_something() -> None:
    read = protobuf.parse_body(body("apps/v1", "Deployment", field(2, field(1, 0))))
    assert decode(read, "Deployment").value["spec"]["replicas"] == 0


def test_times_numbers_and_free_parts_are_read() -> None:
    managed = field(4, field(1, 1769860800)) + field(7, field(1, b'{"f:data":{}}'))
    metadata = field(8, b"") + field(17, managed) + field(10, -1)
    read = protobuf.parse_body(body("v1", "ConfigMap", field(1, metadata) + field(99, b"x") + field(98, 1)))
    assert read["metadata"] == {
        "creationTimestamp": None,
        "managedFields": [{"time": "2026-01-31T12:00:00Z", "fieldsV1": {"f:data": {}}}],
        "deletionGracePeriodSeconds": -1,
    }
    event = protobuf.parse_body(body("v1", "Event", field(10, field(1, 1769860800) + field(2, 5000))))
    assert event["eventTime"] == "2026-01-31T12:00:00.000005Z"
    service = field(1, field(3, 80) + field(4, field(1, 1) + field(3, b"http")))
    read = protobuf.parse_body(body("v1", "Service", field(2, service + field(1, field(4, field(2, 81))))))
    assert [port["targetPort"] for port in read["spec"]["ports"]] == ["http", 81]


def test_a_list_that_is_a_message_is_a_list() -> None:
    extra = field(1, b"key") + field(2, field(1, b"a") + field(1, b"b"))
    user = field(1, b"me") + field(4, extra)
    read = protobuf.parse_body(body("authentication.k8s.io/v1", "SelfSubjectReview", field(2, field(1, user))))
    assert read["status"]["userInfo"] == {"username": "me", "extra": {"key": ["a", "b"]}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"k8s\x00",
        b"k8s\x00\x0a",
        b"k8s\x00\x0a\x7f",
        b"k8s\x00\x0b\x00",
        b"k8s\x00" + b"\xff" * 12,
        b"k8s\x00\x08\x01",
        b"k8s\x00\x0d\x00\x00\x00\x00",
        b"k8s\x00\x09\x00\x00\x00\x00\x00\x00\x00\x00",
        body("v1", "Nothing", b""),
        body("v1", "ConfigMap", field(1, 1)),
        body("v1", "ConfigMap", field(1, field(7, b"x"))),
        body("v1", "ConfigMap", field(1, field(1, b"\xff"))),
        body("v1", "ConfigMap", field(1, field(8, field(1, 2**62)))),
        body("v1", "ConfigMap", field(1, field(17, field(7, field(1, b"{"))))),
    ],
)
def test_bytes_that_are_no_object_are_refused(data: bytes) -> None:
    with pytest.raises(StatusError) as error:
        protobuf.parse_body(data)
    assert error.value.code == 400


def test_damaged_bodies_are_read_or_refused() -> None:
    outcomes = set()
    for row in ROWS:
        whole = base64.b64decode(row["body"])
        for turn in range(1, 40):
            damaged = bytearray(whole[: len(whole) - (turn * 7919 % len(whole)) * (turn % 2)])
            damaged[turn * 104_729 % len(damaged)] ^= 1 << turn % 8
            try:
                outcomes.add(bool(protobuf.parse_body(bytes(damaged))))
            except StatusError as error:
                outcomes.add(error.code == 500)
    assert outcomes == {True, False}
