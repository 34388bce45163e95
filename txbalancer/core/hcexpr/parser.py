"""
Expressions to something that decides. The grammar is that of Apache 2.4.71.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from txbalancer.core.hcexpr import names
from txbalancer.core.hcexpr.answer import MOST_BODY, Answer, Sight, Test, Word
from txbalancer.core.hcexpr.lexer import DEEPEST, INTEGER, Part, Token, Variable, shown, tokens
from txbalancer.core.patterns import compile_pattern, is_risky

MOST_TEXT = 8192


@dataclass(frozen=True, slots=True)
class Expression:
    """
    An expression that can be asked.

    @ivar text: as it was written.
    @ivar warnings: what in it is probably not as meant.
    @ivar reads_body: whether it looks at the body.
    """

    text: str
    warnings: tuple[str, ...] = ()
    reads_body: bool = False
    _test: Test = field(default=lambda sight: True, repr=False, compare=False)

    def evaluate(self, answer: Answer) -> bool:
        """
        Tell whether an answer is that of a well member.
        """
        if len(answer.body) > MOST_BODY:
            answer = replace(answer, body=answer.body[:MOST_BODY])
        return self._test(Sight(answer))


def parse(text: str) -> Expression:
    """
    Read an expression; one pair of braces around it, as after C{ProxyHCExpr NAME}, is left out.

    @raise ValueError: saying where it cannot be read, or what cannot be named.
    """
    inner = text.strip(" \t\n")
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    if len(inner) > MOST_TEXT:
        raise ValueError(f"has {len(inner)} characters: {MOST_TEXT} are allowed")
    reader = _Reader(inner)
    test = reader.condition()
    reader.finish()
    warnings = tuple(dict.fromkeys(reader.warnings))
    return Expression(text, warnings, reader.reads_body, test)


class _Reader:
    """
    Reads one expression from left to right.
    """

    __slots__ = ("_depth", "_next", "_taken", "_text", "_tokens", "reads_body", "warnings")

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._taken = self._next = next(self._tokens)
        self._depth = 0
        self.warnings: list[str] = []
        self.reads_body = False

    def condition(self) -> Test:
        """
        Read what is true or false, with C{||} binding least and C{!} most.
        """
        choices = [self._all()]
        while self._took("||"):
            choices.append(self._all())
        return (
            choices[0]
            if len(choices) == 1
            else lambda sight: any(choice(sight) for choice in choices)
        )

    def finish(self) -> None:
        """
        @raise ValueError: when anything is left.
        """
        if self._next.kind != "end":
            raise self._unexpected("&&, || or the end")

    def _all(self) -> Test:
        parts = [self._not()]
        while self._took("&&"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda sight: all(part(sight) for part in parts)

    def _not(self) -> Test:
        negated = False
        while self._took("!"):
            negated = not negated
        test = self._single()
        return (lambda sight: not test(sight)) if negated else test

    def _single(self) -> Test:
        if self._took("("):
            self._enter()
            test = self.condition()
            self._leave()
            return test
        if self._took("true"):
            return lambda sight: True
        if self._took("false"):
            return lambda sight: False
        if self._next.kind == "option" and len(self._next.value) == 1:
            return self._unary(self._take().value)
        return self._comparison(self._word())

    def _unary(self, name: str) -> Test:
        test = names.UNARY.get(name)
        if test is None:
            raise ValueError(f"there is no -{name} for answers; there are {_listed(names.UNARY)}")
        word = self._word()
        return lambda sight: test(word(sight))

    def _comparison(self, left: Word) -> Test:
        token = self._take()
        if token.kind == "operator":
            if token.value in names.COMPARISONS:
                compare, right = names.COMPARISONS[token.value], self._word()
                return lambda sight: compare(left(sight), right(sight))
            if token.value in ("=~", "!~"):
                return self._match(left, token.value == "!~")
            if token.value == "in":
                return self._in(left)
        if token.kind == "option" and len(token.value) > 1:
            return self._binary(left, token.value)
        raise self._unexpected("a comparison such as ==, -eq, =~ or in", token)

    def _binary(self, left: Word, name: str) -> Test:
        test = names.BINARY.get(name)
        if test is None:
            known = _listed([*INTEGER, *names.BINARY])
            raise ValueError(f"there is no -{name} for answers; there are {known}")
        right = self._word()
        return lambda sight: test(left(sight), right(sight))

    def _match(self, left: Word, negated: bool) -> Test:
        token = self._take()
        if token.kind != "regex":
            raise self._unexpected("a pattern such as /…/ or m#…#i", token)
        pattern = compile_pattern(token.value, token.parts == (b"i",))
        if is_risky(token.value):
            self.warnings.append(
                f"the pattern {token.value!r} repeats what repeats already, "
                "which takes very long with some answers: write it without"
            )

        def test(sight: Sight) -> bool:
            match = pattern.search(left(sight))
            # Only a pattern with groups touches what $0 to $9 hold (APACHE C7).
            if pattern.groups:
                sight.remember(match)
            return (match is None) is negated

        return test

    def _in(self, left: Word) -> Test:
        if self._next.kind == "name":
            raise ValueError(f"there is no list {self._next.value}(…) here; write in {{'a', 'b'}}")
        self._need("{")
        words = [self._word()]
        while self._took(","):
            words.append(self._word())
        self._need("}")

        def test(sight: Sight) -> bool:
            value = left(sight)
            return any(word(sight) == value for word in words)

        return test

    # -- words ------------------------------------------------------------

    def _word(self) -> Word:
        words = [self._atom()]
        while self._took("."):
            words.append(self._atom())
        return _joined(words)

    def _atom(self) -> Word:
        token = self._take()
        if token.kind == "number":
            return _constant(token.value.encode())
        if token.kind == "group":
            return self._part(int(token.value))
        if token.parts is not None and token.kind in ("text", "variable"):
            return self._parts(token.parts)
        if token.kind == "name":
            return self._call(token)
        raise self._unexpected("a text in quotes, a number, %{NAME} or a function", token)

    def _call(self, token: Token) -> Word:
        if not self._took("("):
            raise ValueError(f"{token.value!r} is no word of expressions: put texts in quotes")
        self._enter()
        first = self._next
        argument = self._word()
        constant = first.parts if self._taken is first else None
        self._leave()
        return self._function(token.value, argument, constant)

    def _parts(self, parts: Iterable[Part]) -> Word:
        return _joined([self._part(part) for part in parts])

    def _part(self, part: Part) -> Word:
        if isinstance(part, bytes):
            return _constant(part)
        if isinstance(part, int):
            return lambda sight: sight.group(part)
        return self._variable(part)

    def _variable(self, variable: Variable) -> Word:
        if variable.argument is not None:
            return self._function(variable.name, self._parts(variable.argument), variable.argument)
        word = names.VARIABLES.get(variable.name.upper())
        if word is None:
            known = _listed(f"%{{{name}}}" for name in [*names.VARIABLES, "resp:NAME"])
            raise ValueError(f"an answer has no variable {variable.name!r}; there are {known}")
        self.reads_body |= word is names.VARIABLES["HC_BODY"]
        return word

    def _function(self, name: str, argument: Word, constant: tuple[Part, ...] | None) -> Word:
        function = names.FUNCTIONS.get(name.lower())
        if function is None:
            known = _listed(set(names.FUNCTIONS).difference(names.REQUEST_FUNCTIONS))
            raise ValueError(f"there is no function {name!r} for answers; there are {known}")
        if name.lower() in names.REQUEST_FUNCTIONS:
            self.warnings.append(
                f"{name} is always empty: a check has no request of a client; use resp('NAME')"
            )
        plain = constant[0] if constant and len(constant) == 1 else None
        if name.lower() == "hc" and isinstance(plain, bytes) and plain.lower() != b"body":
            raise ValueError(f"there is no hc({plain.decode('latin-1')!r}), only hc('body')")
        self.reads_body |= name.lower() == "hc"
        return lambda sight: function(sight, argument(sight))

    # -- tokens -----------------------------------------------------------

    def _take(self) -> Token:
        self._taken = token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _took(self, operator: str) -> bool:
        found = self._next.kind == "operator" and self._next.value == operator
        if found:
            self._take()
        return found

    def _need(self, operator: str) -> None:
        if not self._took(operator):
            raise self._unexpected(operator)

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError(f"is nested more than {DEEPEST} deep")

    def _leave(self) -> None:
        self._need(")")
        self._depth -= 1

    def _unexpected(self, wanted: str, token: Token | None = None) -> ValueError:
        place = (token or self._next).place
        return ValueError(f"{wanted} is expected at {shown(self._text, place)}")


def _constant(value: bytes) -> Word:
    return lambda sight: value


def _joined(words: Sequence[Word]) -> Word:
    if len(words) == 1:
        return words[0]
    return lambda sight: b"".join([word(sight) for word in words])


def _listed(found: Iterable[str]) -> str:
    *most, last = sorted(found)
    return f"{', '.join(most)} and {last}"
