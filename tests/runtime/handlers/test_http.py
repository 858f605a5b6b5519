"""httpGet: what is sent, what counts as success, and the words about everything else."""

from __future__ import annotations

import pytest

from runner.core.model import HTTPGetAction
from runner.core.sync.probing import ProbeRun, RunResult
from runner.kubelet.prober.handlers import EngineHandlers
from tests.runtime.handlers.servers import PATIENT, POD_IP, Server, answer, closed_port, serve, target

AWAITING = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


def action(
    port: int | str,
    path: str = "/",
    *,
    host: str = "",
    scheme: str = "HTTP",
    headers: tuple[tuple[str, str], ...] = (),
) -> HTTPGetAction:
    return HTTPGetAction(path=path, port=port, host=host, scheme=scheme, headers=headers)


def head_of(handlers: EngineHandlers, path: str = "/", *headers: tuple[str, str]) -> tuple[list[str], Server]:
    """The lines that a probe sends, and the server that it sent them to."""
    with serve(lambda _: answer("200 OK")) as server:
        run = handlers.probe(target(), action(server.port, path, headers=headers), timeout=5)
    assert run.result is RunResult.SUCCESS
    return server.requests[0].split("\r\n")[:-2], server


@pytest.mark.parametrize(
    ("status", "result", "output"),
    [
        ("200 OK", RunResult.SUCCESS, "hello"),
        ("299 Fine", RunResult.SUCCESS, "hello"),
        ("302 Found", RunResult.WARNING, "Probe terminated redirects, Response body: hello"),
        ("304 Not Modified", RunResult.WARNING, "Probe terminated redirects, Response body: "),
        ("400 Bad Request", RunResult.FAILURE, "HTTP probe failed with statuscode: 400"),
        ("500 Oops", RunResult.FAILURE, "HTTP probe failed with statuscode: 500"),
    ],
)
def test_status_decides(handlers: EngineHandlers, status: str, result: RunResult, output: str) -> None:
    """A redirect that says nothing of where to go ends the journey like one to another host."""
    with serve(lambda _: answer(status, "hello")) as server:
        assert handlers.probe(target(), action(server.port), timeout=5) == ProbeRun(result=result, output=output)


def test_request_is_the_kubelets_own(handlers: EngineHandlers) -> None:
    lines, server = head_of(handlers, "/a b?x=1&y=ü#part")
    assert lines == [
        "GET /a%20b?x=1&y=%C3%BC HTTP/1.1",
        f"Host: {POD_IP}:{server.port}",
        "User-Agent: kube-probe/1.37",
        "Accept: */*",
        "Connection: close",
    ]


@pytest.mark.parametrize(
    ("headers", "lines"),
    [
        ([("x-b", "2"), ("X-A", " 1 "), ("X-B", "3")], ["Accept: */*", "X-A: 1", "X-B: 2", "X-B: 3"]),
        ([("Accept", "")], []),
        ([("accept", "text/html")], ["Accept: text/html"]),
        ([("Connection", "close")], ["Accept: */*", "Connection: close"]),
        ([("Content-Length", "7"), ("Transfer-Encoding", "chunked")], ["Accept: */*"]),
        ([("X", "grün")], ["Accept: */*", "X: grün"]),
    ],
)
def test_headers_are_sent_as_go_sends_them(
    handlers: EngineHandlers, headers: list[tuple[str, str]], lines: list[str]
) -> None:
    sent, _ = head_of(handlers, "/", *headers)
    assert sent[3:] == [*lines, *([] if "Connection: close" in lines else ["Connection: close"])]


@pytest.mark.parametrize(
    ("header", "place", "line"),
    [
        (("Host", "example.com"), 1, "Host: example.com"),
        (("User-Agent", "mine"), 2, "User-Agent: mine"),
        (("user-agent", ""), 2, "Accept: */*"),
    ],
)
def test_host_and_user_agent_can_be_given(
    handlers: EngineHandlers, header: tuple[str, str], place: int, line: str
) -> None:
    sent, _ = head_of(handlers, "/", header)
    assert sent[place] == line


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("healthz", "/healthz"),
        ("/%41?q=%zz", "/%2541%3Fq=%25zz"),
        ("/%41", "/%41"),
        ("http://elsewhere/x?y", "/x?y"),
        ("http://[", "/http://["),
    ],
)
def test_path_is_what_go_makes_of_it(handlers: EngineHandlers, path: str, sent: str) -> None:
    lines, _ = head_of(handlers, path)
    assert lines[0] == f"GET {sent} HTTP/1.1"


@pytest.mark.parametrize("port", ["web", "number"])
def test_port_may_be_a_name_or_a_number_as_text(handlers: EngineHandlers, port: str) -> None:
    with serve(lambda _: answer("200 OK")) as server:
        container = {"ports": [{"name": "other", "containerPort": 9}, {"name": "web", "containerPort": server.port}]}
        given = port if port == "web" else str(server.port)
        run = handlers.probe(target(container), action(given), timeout=5)
    assert run.result is RunResult.SUCCESS


@pytest.mark.parametrize(
    ("port", "text"),
    [
        ("web", 'strconv.Atoi: parsing "web": invalid syntax'),
        ("0", "invalid port number: 0"),
        (65536, "invalid port number: 65536"),
    ],
)
def test_port_that_is_none_says_nothing_of_the_container(handlers: EngineHandlers, port: int | str, text: str) -> None:
    run = handlers.probe(target(), action(port), timeout=1)
    assert run == ProbeRun(result=RunResult.ERROR, output=text)


def test_pod_without_an_address_says_nothing_of_the_container(handlers: EngineHandlers) -> None:
    assert handlers.probe(target(pod_ip=""), action(80), timeout=1).result is RunResult.ERROR


def test_body_is_cut(handlers: EngineHandlers) -> None:
    with serve(lambda _: answer("200 OK", "x" * 100_000)) as server:
        run = handlers.probe(target(), action(server.port), timeout=5)
    assert run == ProbeRun(result=RunResult.SUCCESS, output="x" * 10240)


def test_chunked_body_is_read(handlers: EngineHandlers) -> None:
    response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with serve(lambda _: response) as server:
        run = handlers.probe(target(), action(server.port), timeout=5)
    assert run == ProbeRun(result=RunResult.SUCCESS, output="abcde")


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
    ],
)
def test_body_that_breaks_off_does_not_count(handlers: EngineHandlers, response: bytes) -> None:
    with serve(lambda _: response) as server:
        run = handlers.probe(target(), action(server.port), timeout=5)
    assert run == ProbeRun(result=RunResult.ERROR, output="unexpected EOF")


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b"", "EOF"),
        (b"hello\r\n\r\n", 'net/http: HTTP/1.x transport connection broken: malformed HTTP response "hello"'),
        (None, AWAITING),
        (b"HTTP/1.1 200 OK\r\n", None),
    ],
)
def test_answer_that_is_none_is_a_failure(handlers: EngineHandlers, response: bytes | None, reason: str | None) -> None:
    with serve(lambda _: response) as server:
        run = handlers.probe(target(), action(server.port, "/x"), timeout=1 if reason == AWAITING else PATIENT)
        url = f"http://{POD_IP}:{server.port}/x"
    if reason is None:
        assert run == ProbeRun(result=RunResult.SUCCESS)
    else:
        assert run == ProbeRun(result=RunResult.FAILURE, output=f'Get "{url}": {reason}')


def test_header_that_cannot_be_sent_is_a_failure(handlers: EngineHandlers) -> None:
    run = handlers.probe(target(), action(80, headers=(("X", "a\nb"),)), timeout=1)
    reason = 'net/http: invalid header field value for "X"'
    assert run == ProbeRun(result=RunResult.FAILURE, output=f'Get "http://{POD_IP}:80/": {reason}')


def test_refused_connection_is_a_failure(handlers: EngineHandlers) -> None:
    port = closed_port()
    run = handlers.probe(target(), action(port, "/healthz"), timeout=5)
    peer = f"{POD_IP}:{port}"
    text = f'Get "http://{peer}/healthz": dial tcp {peer}: connect: connection refused'
    assert run == ProbeRun(result=RunResult.FAILURE, output=text)


def test_unknown_host_is_a_failure(handlers: EngineHandlers) -> None:
    run = handlers.probe(target(), action(80, host="nowhere.invalid"), timeout=5)
    text = 'Get "http://nowhere.invalid:80/": dial tcp: lookup nowhere.invalid: no such host'
    assert run == ProbeRun(result=RunResult.FAILURE, output=text)


# --- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_redirect_to_the_same_host_is_followed(handlers: EngineHandlers, status: str) -> None:
    def respond(head: str) -> bytes:
        return answer("200 OK", "there") if head.startswith("GET /b?c ") else answer(status, Location="/b?c")

    with serve(respond) as server:
        run = handlers.probe(target(), action(server.port, "/a", headers=(("Host", "named"),)), timeout=5)
    assert run == ProbeRun(result=RunResult.SUCCESS, output="there")
    assert "\r\nHost: named\r\n" in server.requests[1]
    assert f"\r\nReferer: http://{POD_IP}:{server.port}/a\r\n" in server.requests[1]


def test_redirect_to_another_port_of_the_same_host_is_followed_under_its_name(handlers: EngineHandlers) -> None:
    with serve(lambda _: answer("204 No Content")) as second:
        location = f"http://{POD_IP}:{second.port}/"
        with serve(lambda _: answer("302 Found", Location=location)) as first:
            run = handlers.probe(target(), action(first.port, headers=(("Host", "named"),)), timeout=5)
    assert run.result is RunResult.SUCCESS
    assert f"\r\nHost: {POD_IP}:{second.port}\r\n" in second.requests[0]


def test_redirect_to_another_host_ends_as_a_warning(handlers: EngineHandlers) -> None:
    with serve(lambda _: answer("302 Found", "moved", Location="http://0.0.0.0/")) as server:
        run = handlers.probe(target(), action(server.port), timeout=5)
    assert run == ProbeRun(result=RunResult.WARNING, output="Probe terminated redirects, Response body: moved")
    assert len(server.requests) == 1


def test_redirects_without_end_are_a_failure(handlers: EngineHandlers) -> None:
    with serve(lambda _: answer("302 Found", Location="/again")) as server:
        run = handlers.probe(target(), action(server.port), timeout=10)
    assert run == ProbeRun(result=RunResult.FAILURE, output='Get "/again": stopped after 10 redirects')
    assert len(server.requests) == 10


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ("ftp://127.0.0.1/x", 'Get "ftp://127.0.0.1/x": unsupported protocol scheme "ftp"'),
        ("http://127.0.0.1:port/", "failed to parse Location header"),
    ],
)
def test_redirect_to_nowhere_is_a_failure(handlers: EngineHandlers, location: str, text: str) -> None:
    with serve(lambda _: answer("302 Found", Location=location)) as server:
        run = handlers.probe(target(), action(server.port), timeout=5)
    assert run.result is RunResult.FAILURE
    assert text in run.output


def test_all_redirects_together_have_one_deadline(handlers: EngineHandlers) -> None:
    def respond(head: str) -> bytes | None:
        return None if head.startswith("GET /slow ") else answer("302 Found", Location="/slow")

    with serve(respond) as server:
        run = handlers.probe(target(), action(server.port), timeout=1)
    assert run.output == f'Get "http://{POD_IP}:{server.port}/slow": {AWAITING}'


# --- HTTPS -----------------------------------------------------------------------------------------------------------


def test_any_certificate_will_do(handlers: EngineHandlers) -> None:
    with serve(lambda _: answer("200 OK", "secret"), tls=True) as server:
        run = handlers.probe(target(), action(server.port, scheme="HTTPS"), timeout=5)
    assert run == ProbeRun(result=RunResult.SUCCESS, output="secret")


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (answer("400 Bad Request"), "http: server gave HTTP response to HTTPS client"),
        (b"SSH-2.0-server\r\n", "tls: first record does not look like a TLS handshake"),
        (b"", "EOF"),
        (None, AWAITING),
    ],
)
def test_https_to_a_server_without_it_is_a_failure(
    handlers: EngineHandlers, response: bytes | None, reason: str
) -> None:
    with serve(lambda _: response) as server:
        seconds = 1 if reason == AWAITING else PATIENT
        run = handlers.probe(target(), action(server.port, scheme="HTTPS"), timeout=seconds)
    assert run == ProbeRun(result=RunResult.FAILURE, output=f'Get "https://{POD_IP}:{server.port}/": {reason}')


# --- hooks -----------------------------------------------------------------------------------------------------------


def test_hook_takes_any_status(handlers: EngineHandlers) -> None:
    with serve(lambda _: answer("500 Oops")) as server:
        outcome = handlers.hook(target(), action(server.port), timeout=None)
    assert (outcome.ok, outcome.message, outcome.notes) == (True, "", ())
    assert "\r\nUser-Agent: kube-lifecycle/1.37\r\n" in server.requests[0]


def test_hook_that_cannot_connect_fails_with_the_kubelets_text(handlers: EngineHandlers) -> None:
    port = closed_port()
    outcome = handlers.hook(target(), action(port, "/bye"), timeout=5)
    peer = f"{POD_IP}:{port}"
    assert not outcome.ok
    assert not outcome.timed_out
    assert outcome.message == (
        'HTTP lifecycle hook (/bye) for Container "c" in Pod "p_ns(uid)" failed - error: '
        f'Get "http://{peer}/bye": dial tcp {peer}: connect: connection refused'
    )


def test_hook_ends_with_its_callers_time(handlers: EngineHandlers) -> None:
    with serve(lambda _: None) as server:
        outcome = handlers.hook(target(), action(server.port), timeout=0.3)
    assert (outcome.ok, outcome.timed_out) == (False, True)


def test_hook_over_https_falls_back_to_http(handlers: EngineHandlers) -> None:
    def respond(head: str) -> bytes:
        return answer("200 OK") if head.startswith("GET ") else answer("400 Bad Request")

    secret = ("Authorization", "Bearer token")
    with serve(respond) as server:
        outcome = handlers.hook(target(), action(server.port, scheme="HTTPS", headers=(secret,)), timeout=5)
    assert outcome.ok
    assert [(note.type, note.reason, note.message) for note in outcome.notes] == [
        (
            "Warning",
            "LifecycleHTTPFallback",
            f"request to HTTPS lifecycle hook {POD_IP}:{server.port} got HTTP response, retry with HTTP succeeded",
        )
    ]
    assert "token" not in server.requests[1]


def test_hook_whose_fallback_fails_tells_of_the_first_failure(handlers: EngineHandlers) -> None:
    def respond(head: str) -> bytes:
        return b"" if head.startswith("GET ") else answer("400 Bad Request")

    with serve(respond) as server:
        outcome = handlers.hook(target(), action(server.port, scheme="HTTPS"), timeout=5)
    assert not outcome.ok
    assert outcome.message.endswith("http: server gave HTTP response to HTTPS client")


def test_hook_with_an_unknown_port_fails(handlers: EngineHandlers) -> None:
    outcome = handlers.hook(target(), action("web"), timeout=5)
    assert outcome.message.endswith('failed - error: strconv.Atoi: parsing "web": invalid syntax')
