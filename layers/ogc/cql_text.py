"""CQL2 text (OGC 21-065r2) read into CQL2 JSON, which layers/ogc/cql.py turns into SQL.

A recursive descent over the standard's grammar: OR < AND < NOT < comparison < + - < * / % div < ^ < sign. What does not
belong where it stands is refused with the place where it stands.
"""

import re
from decimal import Decimal
from typing import Any, NamedTuple

import shapely
from django.utils.translation import gettext as _

from geo.errors import ParameterError

DEPTH_MAX = 40
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<text>'(?:[^'\\]|''|\\.)*')
      | (?P<quoted>"(?:[^"]|"")+")
      | (?P<word>[^\W\d][\w.:]*)
      | (?P<sign><=|>=|<>|!=|[=<>(),+\-*/%^])
      | (?P<end>$)
    )""",
    re.VERBOSE,
)
_RESERVED = {"and", "or", "not", "like", "ilike", "between", "in", "is", "null", "div"}
_GEOMETRIES = {
    "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection",
}  # fmt: skip
_COMPARISONS = {"=", "<>", "<", ">", "<=", ">=", "!="}


class _Token(NamedTuple):
    kind: str
    value: str
    start: int
    end: int


def parse(text: str) -> Any:
    """Return the filter as CQL2 JSON. Raises ParameterError at the first thing that cannot be read."""
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.position, self.depth = text, 0, 0
        self.token = self._read()

    def whole(self) -> Any:
        found = self.either()
        if self.token.kind != "end":
            raise self._wrong()
        return found

    # From loose to tight.

    def either(self) -> Any:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise ParameterError("filter", self.text, _("The filter is nested too deeply."))
        parts = [self.both()]
        while self._word("or"):
            parts.append(self.both())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else {"op": "or", "args": parts}

    def both(self) -> Any:
        parts = [self.negated()]
        while self._word("and"):
            parts.append(self.negated())
        return parts[0] if len(parts) == 1 else {"op": "and", "args": parts}

    def negated(self) -> Any:
        turns = 0
        while self._word("not"):
            turns += 1
        found = self.predicate()
        return {"op": "not", "args": [found]} if turns % 2 else found

    def predicate(self) -> Any:
        left = self.total()
        if self.token.value in _COMPARISONS and self.token.kind == "sign":
            operator = self._next().value
            return {"op": "<>" if operator == "!=" else operator, "args": [left, self.total()]}
        if self._word("is"):
            negative = self._word("not")
            if not self._word("null"):
                raise self._wrong()
            return _unless(negative, {"op": "isNull", "args": [left]})
        negative = self._word("not")
        if self._word("like"):
            return _unless(negative, {"op": "like", "args": [left, self.total()]})
        if self._word("ilike"):
            folded = [{"op": "casei", "args": [side]} for side in (left, self.total())]
            return _unless(negative, {"op": "like", "args": folded})
        if self._word("between"):
            low = self.total()
            if not self._word("and"):
                raise self._wrong()
            return _unless(negative, {"op": "between", "args": [left, low, self.total()]})
        if self._word("in"):
            return _unless(negative, {"op": "in", "args": [left, self._arguments(self.total)]})
        if negative:
            raise self._wrong()
        return left

    def total(self) -> Any:
        left = self.product()
        while self.token.kind == "sign" and self.token.value in "+-":
            left = {"op": self._next().value, "args": [left, self.product()]}
        return left

    def product(self) -> Any:
        left = self.power()
        while (self.token.kind == "sign" and self.token.value in "*/%") or self._is("div"):
            left = {"op": self._next().value.lower(), "args": [left, self.power()]}
        return left

    def power(self) -> Any:
        left = self.signed()
        while self._sign("^"):
            left = {"op": "^", "args": [left, self.signed()]}
        return left

    def signed(self) -> Any:
        turns = 0
        while self.token.kind == "sign" and self.token.value in "+-":
            turns += self._next().value == "-"
        found = self.atom()
        if turns % 2 == 0:
            return found
        return -found if isinstance(found, Decimal) else {"op": "*", "args": [Decimal(-1), found]}

    def atom(self) -> Any:
        token = self.token
        if self._sign("("):
            found = self.either()
            self._expect(")")
            return found
        if token.kind == "number":
            self._next()
            return number(token.value)
        if token.kind == "text":
            self._next()
            return re.sub(r"''|\\'", "'", token.value[1:-1])
        if token.kind == "quoted":
            self._next()
            return {"property": token.value[1:-1].replace('""', '"')}
        if token.kind != "word" or token.value.lower() in _RESERVED:
            raise self._wrong()
        return self.named(self._next())

    def named(self, token: _Token) -> Any:
        """Read what begins with a word: a literal, a geometry, a function, or a property."""
        word = token.value.lower()
        if word in _GEOMETRIES and (self.token.value == "(" or self._is("z", "m", "zm", "empty")):
            return self._geometry(token)
        if word in {"true", "false"} and self.token.value != "(":
            return word == "true"
        if self.token.value != "(" or self.token.kind != "sign":
            return {"property": token.value}
        arguments = self._arguments(self.either)
        if word in {"date", "timestamp"} and len(arguments) == 1:
            return {word: arguments[0]}
        if word == "interval":
            return {"interval": arguments}
        if word == "bbox":
            return {"bbox": arguments}
        return {"op": token.value.lower(), "args": arguments}

    def _geometry(self, token: _Token) -> Any:
        while self.token.kind == "word":
            self._next()
        depth = 0
        end = token.end
        while self.token.kind != "end":
            depth += {"(": 1, ")": -1}.get(self.token.value, 0)
            end = self._next().end
            if depth <= 0:
                break
        try:
            shape = shapely.from_wkt(self.text[token.start : end])
        except shapely.errors.GEOSException as error:
            raise self._wrong(token) from error
        return dict(shapely.geometry.mapping(shape))

    # Tokens.

    def _arguments(self, part: Any) -> list[Any]:
        self._expect("(")
        if self._sign(")"):
            return []
        found = [part()]
        while self._sign(","):
            found.append(part())
        self._expect(")")
        return found

    def _read(self) -> _Token:
        found = _TOKEN.match(self.text, self.position)
        if not found or not found.lastgroup:
            raise self._wrong(_Token("", "", self.position, self.position))
        self.position = found.end()
        return _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup), found.end())

    def _next(self) -> _Token:
        token, self.token = self.token, self._read()
        return token

    def _is(self, *words: str) -> bool:
        return self.token.kind == "word" and self.token.value.lower() in words

    def _word(self, word: str) -> bool:
        return self._is(word) and bool(self._next())

    def _sign(self, sign: str) -> bool:
        return self.token.kind == "sign" and self.token.value == sign and bool(self._next())

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise self._wrong()

    def _wrong(self, token: _Token | None = None) -> ParameterError:
        token = token or self.token
        rest = self.text[token.start :].strip()[:30]
        if not rest:
            return ParameterError("filter", self.text, _("The filter ends too early."))
        return ParameterError(
            "filter",
            self.text,
            _("The filter cannot be read at character %(place)d: “%(rest)s”.")
            % {"place": token.start + 1, "rest": rest},
        )


def number(text: str) -> Decimal:
    """Return a number as it is written; refuse one of more digits than anybody means."""
    found = Decimal(text)
    if len(text) > 60 or abs(found.adjusted()) > 300:
        raise ParameterError("filter", text, _("The filter holds a number that is too large."))
    return found


def _unless(negative: bool, node: Any) -> Any:
    return {"op": "not", "args": [node]} if negative else node
