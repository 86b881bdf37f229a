r"""Mathematics as people type it -> an expression tree: plain text, LaTeX and Unicode alike.

No `eval`, no sympy: one tokenizer and one precedence climb, bounded in length, depth and size of
numbers, so that a hostile text costs a refusal. What cannot be read is `Unreadable` with a slug; what
reads two ways (`1/2x`) is `Unreadable` too, since a guess would later be counted as somebody's error.

    >>> str(read_expression(r"8\sqrt[3]{4}"))
    '(* 8 (root 4 3))'

Source: our own grammar. Not covered: calculus (\int, \sum, \lim), matrices, relations and lists
(`answers` reads those and calls this for their parts).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from cftdata.answers.tokens import FRACTIONS, FUNCTIONS, Token, Unreadable, tokenize

MAX_DEPTH = 60
MAX_DIGITS = 400


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written: its exact value, and its decimals (None when it has no decimal point)."""

    value: Fraction
    places: int | None = field(default=None, compare=False)
    n_significant: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, or one of the constants pi, e, i, oo."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Call:
    """An operation: + * / ^ neg root pm ! % deg, or a function, on its arguments."""

    op: str
    args: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"({self.op} {' '.join(map(str, self.args))})"


Expression = Number | Name | Call

APPLIED = frozenset("h F G H P E Gamma zeta phi varphi Phi sigma tau".split())
"""Names that before one number or name in brackets are functions: P(A), \\phi(12); P(1+r) is a product."""


def read_expression(text: str) -> Expression:
    """The expression that the whole text is; `Unreadable` when it is none, or may be two."""
    parser = _Parser(tokenize(text))
    expression = parser.sum(0)
    if parser.peek is not None:
        raise Unreadable("unreadable")
    return expression


class _Parser:
    """Precedence climbing over tokens: sum < product < minus < power < postfix."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.bars = 0

    @property
    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def is_op(self, *texts: str) -> bool:
        token = self.peek
        return token is not None and token.kind == "op" and token.text in texts

    def closes_after_one(self) -> bool:
        """Whether the bracket that comes holds one token."""
        closing = self.tokens[self.at + 2 : self.at + 3]
        return [token.text for token in closing] == [")"]

    def take(self) -> Token:
        if self.peek is None:
            raise Unreadable("unreadable")
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, text: str) -> None:
        if not self.is_op(text):
            raise Unreadable("unreadable")
        self.at += 1

    def sum(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise Unreadable("too_deep")
        terms = [self.product(depth)]
        while self.is_op("+", "-", "pm"):
            sign = self.take().text
            term = self.product(depth)
            terms.append(term if sign == "+" else Call("neg" if sign == "-" else "pm", (term,)))
        return terms[0] if len(terms) == 1 else Call("+", tuple(terms))

    def product(self, depth: int) -> Expression:
        left = self.signed(depth)
        divided = spaced = False
        while True:
            if self.is_op("*", "/"):
                token = self.take()
                if divided and token.text == "/" and token.spaced != spaced:
                    raise Unreadable("ambiguous")  # 3 / 1/2: by the spaces it is 3 / (1/2)
                divided, spaced = token.text == "/", token.spaced
                right = self.signed(depth)
                left = Call("/" if divided else "*", (left, right))
            elif self.starts_factor():
                if divided:  # 1/2x: a half of x, or one over 2x
                    raise Unreadable("ambiguous")
                left = Call("*", (left, self.power(depth)))
            else:
                return left

    def starts_factor(self) -> bool:
        token = self.peek
        if token is None:
            return False
        if token.kind == "op":
            return token.text in ("(", "[", "{", "√", "∛", "∜", "⌊", "⌈") or (
                token.text == "|" and not self.bars
            )
        return token.kind in ("name", "command", "fraction")

    def signed(self, depth: int) -> Expression:
        if self.is_op("-", "+", "pm"):
            if depth > MAX_DEPTH:
                raise Unreadable("too_deep")
            sign = self.take().text
            inner = self.signed(depth + 1)
            return inner if sign == "+" else Call("neg" if sign == "-" else "pm", (inner,))
        return self.power(depth)

    def power(self, depth: int) -> Expression:
        base = self.postfix(depth)
        if not self.is_op("^"):
            return base
        self.take()
        if self.is_op("°"):  # 90^\circ
            self.take()
            return Call("deg", (base,))
        if self.is_op("{"):
            self.take()
            if self.is_op("°"):
                self.take()
                self.expect("}")
                return Call("deg", (base,))
            exponent = self.sum(depth + 1)
            self.expect("}")
        else:
            exponent = self.signed(depth + 1)
        return Call("^", (base, exponent))

    def postfix(self, depth: int) -> Expression:
        value = self.atom(depth + 1)
        while self.is_op("!", "%", "°"):
            op = self.take().text
            value = Call("deg" if op == "°" else op, (value,))
        return value

    def atom(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise Unreadable("too_deep")
        token = self.take()
        if token.kind == "number":
            return self.number(token.text)
        if token.kind == "fraction":
            return Number(Fraction(*FRACTIONS[token.text]))
        if token.kind == "name":
            return self.name(token.text)
        if token.kind == "command":
            return self.command(token.text, depth)
        return self.bracketed(token.text, depth)

    def number(self, text: str) -> Expression:
        value = read_number(text)
        after = self.peek
        if value.places is None and after is not None:  # mixed numbers: 1½, 1\frac{1}{2}, 1 1/2
            part = self.mixed_part(after)
            if part is not None:
                return Number(value.value + part)
        if after is not None and after.kind == "name" and after.text in "eE" and not after.spaced:
            return self.scientific(value)
        return value

    def mixed_part(self, after: Token) -> Fraction | None:
        following = self.tokens[self.at : self.at + 7]
        if after.kind == "fraction":
            self.at += 1
            return Fraction(*FRACTIONS[after.text])
        texts = [token.text for token in following]
        if after.text == "frac" and re.fullmatch(r"[1-9]{2}", "".join(texts[1:2])):
            return self.proper(texts[1][0], texts[1][1], 2)  # 1\frac12
        if (
            after.kind == "command"
            and after.text == "frac"
            and [*texts[1:2], *texts[3:5], *texts[6:7]] == list("{}{}")
        ):
            return self.proper(texts[2], texts[5], 7)
        if after.kind == "number" and after.spaced and texts[1:2] == ["/"]:
            return self.proper(texts[0], texts[2] if len(texts) > 2 else "", 3)
        return None

    def proper(self, above: str, below: str, n_tokens: int) -> Fraction | None:
        if not (above.isdecimal() and below.isdecimal()) or int(below or 0) == 0:
            return None
        self.at += n_tokens
        return Fraction(int(above), int(below))

    def scientific(self, mantissa: Number) -> Expression:
        """1.24e-8; without digits behind it, e is the constant and stays where it is."""
        signed = [token.text for token in self.tokens[self.at + 1 : self.at + 3]]
        sign, digits = ("", *signed[:1]) if signed and signed[0].isdecimal() else (*signed, "", "")[:2]
        if sign not in ("", "+", "-") or not digits.isdecimal() or len(digits) > 3:
            return mantissa
        self.at += 2 if sign == "" else 3
        exponent = int(sign + digits)
        places = (mantissa.places or 0) - exponent
        return Number(mantissa.value * Fraction(10) ** exponent, places, mantissa.n_significant)

    def name(self, text: str) -> Expression:
        token = self.peek
        if token is not None and token.kind == "subscript":
            self.take()
            return Name(f"{text}_{token.text}")
        primes = ""
        while self.is_op("'", "′"):
            self.take()
            primes += "'"
        if self.is_op("(") and (text in ("f", "g") or (text in APPLIED and self.closes_after_one())):
            raise Unreadable("unreadable")  # f(3) is a value that nobody gave, and no product
        return Name(text + primes)

    def bracketed(self, opening: str, depth: int) -> Expression:
        closing = {"(": ")", "[": "]", "{": "}", "|": "|", "⌊": "⌋", "⌈": "⌉"}.get(opening)
        if opening in ("√", "∛", "∜"):
            if opening == "√" and self.is_op("["):  # √[3]{4}, LaTeX's order with the plain sign
                return self.root(2, depth)
            index = {"√": 2, "∛": 3, "∜": 4}[opening]
            return Call("root", (self.postfix(depth), Number(Fraction(index))))
        if closing is None:
            raise Unreadable("unreadable")
        self.bars += opening == "|"
        inner = self.sum(depth + 1)
        self.expect(closing)
        self.bars -= opening == "|"
        wrapped = {"|": "abs", "⌊": "floor", "⌈": "ceil"}.get(opening)
        return Call(wrapped, (inner,)) if wrapped else inner

    def group(self, depth: int) -> Expression:
        """One LaTeX argument: {…}, or a single digit or letter (\\frac12)."""
        if self.is_op("{"):
            self.take()
            inner = self.sum(depth + 1)
            self.expect("}")
            return inner
        token = self.take()
        if token.kind == "number" and len(token.text) > 1 and token.text.isdecimal():
            self.at -= 1
            self.tokens[self.at] = Token("number", token.text[1:])
            return Number(Fraction(int(token.text[0])))
        if token.kind in ("number", "name"):
            return read_number(token.text) if token.kind == "number" else Name(token.text)
        raise Unreadable("unreadable")

    def command(self, name: str, depth: int) -> Expression:
        if name in ("frac", "binom") and not self.is_op("("):
            above = self.group(depth)
            below = self.group(depth)
            if name == "frac" and _starts_with_d(above) and _starts_with_d(below) and isinstance(below, Call):
                raise Unreadable("unreadable")  # a derivative
            return Call("/" if name == "frac" else "binom", (above, below))
        if name in ("sqrt", "cbrt"):
            return self.root(3 if name == "cbrt" else 2, depth)
        if name not in FUNCTIONS:
            raise Unreadable("unknown_command")
        return self.function(name, depth)

    def root(self, index: int, depth: int) -> Expression:
        order: Expression = Number(Fraction(index))
        if self.is_op("["):
            self.take()
            order = self.sum(depth + 1)
            self.expect("]")
        inner = self.bracketed("(", depth) if self.is_op("(") and self.take() else self.group(depth)
        return Call("root", (inner, order))

    def function(self, name: str, depth: int) -> Expression:
        base: Expression | None = None
        power: Expression | None = None
        if self.peek is not None and self.peek.kind == "subscript":
            base = read_expression(self.take().text)
        if self.is_op("^"):
            self.take()
            power = self.group(depth)
        args = self.arguments(depth)
        if base is not None:
            if name != "log":
                raise Unreadable("unreadable")
            args = (*args, base)
        result = Call(name, args)
        if power is None:
            return result
        if power == Call("neg", (Number(Fraction(1)),)):  # sin^{-1} is the inverse, not the reciprocal
            raise Unreadable("ambiguous")
        return Call("^", (result, power))

    def arguments(self, depth: int) -> tuple[Expression, ...]:
        if not self.is_op("(", "{", "["):
            return (self.bare_argument(depth),)
        closing = {"(": ")", "{": "}", "[": "]"}[self.take().text]
        args = [self.sum(depth + 1)]
        while self.is_op(","):
            self.take()
            args.append(self.sum(depth + 1))
        self.expect(closing)
        return tuple(args)

    def bare_argument(self, depth: int) -> Expression:
        """sin 2x: a product of plain factors, up to the next operator."""
        result = self.power(depth + 1)
        while self.peek is not None and self.peek.kind in ("name", "number"):
            result = Call("*", (result, self.power(depth + 1)))
        return result


def _starts_with_d(expression: Expression) -> bool:
    """d, or dx."""
    while isinstance(expression, Call) and expression.op == "*":
        expression = expression.args[0]
    return expression == Name("d")


def read_number(text: str) -> Number:
    """A number as written, thousands commas allowed."""
    digits = text.replace("{,}", "").replace("\\,", "").replace(",", "")
    if len(digits) > MAX_DIGITS:
        raise Unreadable("too_big")
    whole, point, decimals = digits.partition(".")
    significant = len((whole + decimals).lstrip("0"))
    return Number(Fraction(digits if whole else "0" + digits), len(decimals) if point else None, significant)
