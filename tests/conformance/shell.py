"""Reads the small shell scripts of the scenarios and tells what they would do when, without a process.

Known are marks (an ``echo`` of the uptime), sleeps in front and behind, waits, traps of TERM, functions, variables, exits,
files that are made, looked for, counted and removed, ``if``, ``while`` and ``until``. Anything else is Unknown: it needs a
real process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

HORIZON_SECONDS: Final = 1200.0
"""Who runs for so long runs until told to stop: no scenario lasts longer."""

_START_SECONDS: Final = 0.02
_OPERATOR: Final = r"\n|;|&|\||>>|>|<|\(\)|\{|\}"
_WORD: Final = r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\$\([^)]*\)|[^\s;&|<>(){}"'])+"""
_TOKEN: Final = re.compile(rf"[ \t]*(?:(?P<operator>{_OPERATOR})|(?P<word>{_WORD}))")
_UPTIME: Final = "$(cut -d' ' -f1 /proc/uptime) "
_ASSIGNMENT: Final = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)
_ENDS: Final = frozenset({"then", "elif", "else", "fi", "do", "done", "}"})
_PROGRAMS: Final[Mapping[str, int]] = {"/bin/true": 0, "true": 0, "/bin/false": 1, "false": 1}


class Unknown(Exception):
    """A script says something that only a real process can do."""


class Kind(StrEnum):
    """What a script does to the world."""

    MARK = "mark"
    PRINT = "print"
    MAKE = "make"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing done, ``at`` seconds after the start: a mark or output with its text, a file with its path."""

    at: float
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doings:
    """What a script does from its start on. ``seconds`` None: it never ends by itself; ``trap`` None: TERM is ignored."""

    effects: tuple[Effect, ...]
    seconds: float | None
    code: int
    trap: Doings | None = None


FileTest = Callable[[str, float], int]
"""How often a file was written to by then, seconds after the start of the script; 0: it is not there."""


def follow(command: Sequence[str], is_there: FileTest, *, limit: float = HORIZON_SECONDS) -> Doings:
    """Tell what a command does within ``limit`` seconds. Raises Unknown."""
    is_script = list(command[:2]) == ["sh", "-c"] and len(command) == 3
    statements = parse(command[2]) if is_script else [_Simple(words=tuple(command))]
    runner = _Runner(is_there, limit, now=_START_SECONDS)
    seconds, code = runner.run(statements)
    trap = None
    if runner.trap is not None:
        after = _Runner(is_there, limit, functions=runner.functions)
        taken, ended = after.run([*runner.trap, _Simple(words=("exit", "143"))])
        trap = Doings(effects=tuple(after.effects), seconds=taken, code=ended)
    return Doings(effects=tuple(runner.effects), seconds=seconds, code=code, trap=trap)


# --- reading -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Simple:
    words: tuple[str, ...]
    into: str = ""
    out_of: str = ""
    is_behind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _If:
    branches: tuple[tuple[list[_Statement], list[_Statement]], ...]
    otherwise: list[_Statement]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loop:
    test: list[_Statement]
    body: list[_Statement]
    until: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Function:
    name: str
    body: list[_Statement]


_Statement = _Simple | _If | _Loop | _Function


def parse(text: str) -> list[_Statement]:
    """Read a script. Raises Unknown."""
    reader = _Reader(list(_tokens(text)))
    statements = reader.statements()
    if reader.left:
        raise Unknown(reader.left[0])
    return statements


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while text[position:].strip(" \t"):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Unknown(text[position : position + 20])
        position = match.end()
        yield match["operator"] or match["word"]


def _plain(word: str) -> str:
    """A word without its quotes."""
    return re.sub(r'"((?:\\.|[^"\\])*)"|\'([^\']*)\'', lambda m: m[1] if m[1] is not None else m[2], word)


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.left = tokens

    def _next(self, wanted: str = "") -> str:
        if not self.left or (wanted and self.left[0] != wanted):
            raise Unknown(f"{wanted} missing")
        return self.left.pop(0)

    def statements(self) -> list[_Statement]:
        found: list[_Statement] = []
        while self.left and self.left[0] not in _ENDS:
            if self.left[0] in (";", "\n"):
                self.left.pop(0)
            else:
                found.append(self._statement())
        return found

    def _statement(self) -> _Statement:
        match self.left[0]:
            case "if":
                return self._if()
            case "while" | "until":
                until = self._next() == "until"
                test = self.statements()
                self._next("do")
                body = self.statements()
                self._next("done")
                return _Loop(test=test, body=body, until=until)
            case _ if self.left[1:2] == ["()"]:
                name = self._next()
                self._next("()")
                self._next("{")
                body = self.statements()
                self._next("}")
                return _Function(name=name, body=body)
            case _:
                return self._simple()

    def _if(self) -> _If:
        branches, otherwise = [], list[_Statement]()
        while self._next() in ("if", "elif"):
            test = self.statements()
            self._next("then")
            branches.append((test, self.statements()))
            if self.left[:1] not in (["elif"], ["else"], ["fi"]):
                raise Unknown("fi missing")
            if self.left[0] == "else":
                self._next()
                otherwise = self.statements()
        return _If(branches=tuple(branches), otherwise=otherwise)

    def _simple(self) -> _Simple:
        words, into, out_of = [], "", ""
        while self.left and self.left[0] not in (";", "\n", "&"):
            token = self._next()
            if token in (">", ">>"):
                into = _plain(self._next())
            elif token == "<":
                out_of = _plain(self._next())
            elif token == "|":
                if self._next() != "tee":  # which writes to a file what goes on to the output
                    raise Unknown("a pipe")
                self._next("-a")
                self._next()
            elif token in ("(", ")", "()", "{", "}"):
                raise Unknown(token)
            else:
                words.append(_plain(token))
        is_behind = self.left[:1] == ["&"]
        if is_behind:
            self.left.pop(0)
        return _Simple(words=tuple(words), into=into, out_of=out_of, is_behind=is_behind)


# --- doing -------------------------------------------------------------------------------------------------------------


class _Exit(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Endless(Exception):
    """The limit is reached."""


@dataclass
class _Runner:
    is_there: FileTest
    limit: float
    now: float = 0.0
    functions: dict[str, list[_Statement]] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    trap: list[_Statement] | None = None
    behind: float = 0.0
    variables: dict[str, str] = field(default_factory=dict)
    output: str = ""

    def run(self, statements: Sequence[_Statement]) -> tuple[float | None, int]:
        """Seconds until the end (None: beyond the limit) and exit code."""
        try:
            code = self._all(statements, ())
            return self.now, code
        except _Exit as end:
            return self.now, end.code
        except _Endless:
            return None, 0

    def _all(self, statements: Sequence[_Statement], arguments: Sequence[str]) -> int:
        code = 0
        for statement in statements:
            code = self._one(statement, arguments)
        return code

    def _one(self, statement: _Statement, arguments: Sequence[str]) -> int:
        match statement:
            case _Function():
                self.functions[statement.name] = statement.body
                return 0
            case _If():
                for test, body in statement.branches:
                    if self._all(test, arguments) == 0:
                        return self._all(body, arguments)
                return self._all(statement.otherwise, arguments)
            case _Loop():
                while (self._all(statement.test, arguments) == 0) is not statement.until:
                    before = self.now
                    self._all(statement.body, arguments)
                    if self.now == before:
                        raise Unknown("a loop that takes no time")
                return 0
            case _Simple():
                return self._simple(statement, arguments)

    def _pass(self, until: float) -> None:
        self.now = until
        if self.now > self.limit:
            raise _Endless

    def _do(self, kind: Kind, text: str) -> int:
        self.effects.append(Effect(self.now, kind, text))
        return 0

    def _writes(self, path: str) -> int:
        """How often a file was written to; what it had before this script came does not count twice."""
        count = self.is_there(path, self.now)
        for effect in self.effects:
            if effect.text == path and effect.kind in (Kind.MAKE, Kind.REMOVE):
                count = count + 1 if effect.kind is Kind.MAKE else 0
        return count

    def _expanded(self, word: str, arguments: Sequence[str]) -> str:
        for name, value in self.variables.items():
            word = re.sub(rf"\${name}\b", value, word)
        return word.replace("$*", " ".join(arguments))

    def _assign(self, name: str, value: str) -> None:
        if value.startswith("$("):
            self.output = ""
            self._all(parse(value[2:-1]), ())
            value = self.output
        self.variables[name] = value

    def _simple(self, statement: _Simple, arguments: Sequence[str]) -> int:
        into = self._expanded(statement.into, arguments)
        match [self._expanded(word, arguments) for word in statement.words]:
            case [word] if assigned := _ASSIGNMENT.fullmatch(word):
                self._assign(assigned[1], assigned[2])
            case ["wc", "-l"] if statement.out_of:
                self.output = str(self._writes(self._expanded(statement.out_of, arguments)))
            case ["[", one, "-eq", other, "]"]:
                return 0 if int(one) == int(other) else 1
            case ["sleep", seconds]:
                self._sleep(float(seconds), statement.is_behind)
            case _ if statement.is_behind:
                raise Unknown("a process behind")
            case ["wait", "$!"]:
                self._pass(max(self.now, self.behind))
            case ["trap", body, "TERM"]:
                self.trap = self.functions.get(body) or parse(body)
            case ["exit", code]:
                raise _Exit(int(code))
            case ["echo", text] if text.startswith(_UPTIME):
                return self._do(Kind.MARK, text.removeprefix(_UPTIME))
            case ["echo", "-n", text] if not into:
                return self._do(Kind.PRINT, text)
            case [program] if program in _PROGRAMS:
                return _PROGRAMS[program]
            case [name, *given] if name in self.functions:
                return self._all(self.functions[name], given)
            case words:
                return self._file(words, into)
        return 0

    def _sleep(self, seconds: float, is_behind: bool) -> None:
        if is_behind:
            self.behind = self.now + seconds
            return
        if self.trap is not None and seconds > 1:
            raise Unknown("a trap that waits for a sleep")
        self._pass(self.now + seconds)

    def _file(self, words: Sequence[str], into: str) -> int:
        match words:
            case ["echo", _] if into and not into.startswith("/proc/"):
                return self._do(Kind.MAKE, into)
            case ["touch", path]:
                return self._do(Kind.MAKE, path)
            case ["rm", "-f" | "-rf", path]:
                return self._do(Kind.REMOVE, path)
            case ["cat", path] | ["test", "-f", path] | ["[", "-f", path, "]"]:
                return 0 if self._writes(path) else 1
            case _:
                raise Unknown(" ".join(words)[:60])
