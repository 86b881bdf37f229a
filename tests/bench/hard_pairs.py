"""The measuring stick of answer matching: pairs whose truth is known, and texts that are meant to hurt.

The pairs stand in hard_pairs.txt beside this file, one a line, by class, equal pairs and near misses in
equal number. All of them were made for this project; what is numeric or symbolic was checked with sympy and
mpmath, apart from any matcher. `rounded` follows the rule of the project: a decimal equals an exact value
that it rounds correctly at its own written digits, at least three of them significant.

    >>> PAIRS[0]
    Pair(answer='18', reference='18.0', admissible=frozenset({'equal'}), kind='integers')

Not covered: answers in prose or in other languages, conversion of units, answers that need the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SIGNS = {
    "==": frozenset({"equal"}),
    "!=": frozenset({"different"}),
    "??": frozenset({"unknown"}),
    "!?": frozenset({"different", "unknown"}),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair of the table."""

    answer: str
    reference: str
    admissible: frozenset[str]
    kind: str


@dataclass(frozen=True, slots=True)
class Bomb:
    """A text that must cost little time and memory against any reference."""

    name: str
    text: str
    admissible: frozenset[str]


def read_pairs(path: Path) -> Iterator[Pair]:
    """The pairs of a table; a line that is none of its kinds is an error, never skipped."""
    kind = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("# "):
            continue
        if heading := re.fullmatch(r"\[([a-z ]+)\]", line):
            kind = heading[1]
            continue
        answer, sign, reference = re.split(r" {2,}(==|!=|\?\?|!\?) {2,}", line)
        yield Pair(answer, reference, SIGNS[sign], kind)


PAIRS = tuple(read_pairs(Path(__file__).with_name("hard_pairs.txt")))

UNKNOWN = SIGNS["??"]
NOT_EQUAL = SIGNS["!?"]  # the truth against any reference used here is "different": to know it is no fault
IS_FIVE = frozenset({"equal", "unknown"})  # it is 5, at great length

# Those that are not 5 are also matched against themselves reversed; so none of them is a palindrome.
BOMBS = (
    Bomb("power tower", "9^{9^{9^9}}", UNKNOWN),
    Bomb("factorial", "1000000000!", UNKNOWN),
    Bomb("200 nested roots", r"\sqrt{" * 200 + "2" + "}" * 200, UNKNOWN),
    Bomb("5,000 parentheses", "(" * 5000 + "1" + ")" * 5000, UNKNOWN),
    Bomb("1 MB sum", "12+" * 333_333 + "1", UNKNOWN),
    Bomb("NUL bytes", "7" + "\0" * 1000, UNKNOWN),
    Bomb("power tower of ten", "10^{10^{10}}", NOT_EQUAL),
    Bomb("long expansion", "(x+1)^{100000}", NOT_EQUAL),
    Bomb("trinomial expansion", "(x+y+z+1)^{5000}-(x+y+z+2)^{5000}", NOT_EQUAL),
    Bomb("binomial", r"\binom{10^9}{10^8}", NOT_EQUAL),
    Bomb("400 nested fractions", r"\frac{1}{1+" * 400 + "2" + "}" * 400, NOT_EQUAL),
    Bomb("5,000 signs", "-" * 5000 + "1", NOT_EQUAL),
    Bomb("factorial powers", "100!^{100!}", NOT_EQUAL),
    Bomb("nested factorials", "((20!)!)!", NOT_EQUAL),
    Bomb("900 absolute bars", "|" * 900 + "x" + "|" * 901, NOT_EQUAL),
    Bomb("sum of 2,000 roots", "+".join(rf"\sqrt{{{n}}}" for n in range(2, 2002)), NOT_EQUAL),
    Bomb("root of a tower", r"\sqrt[10^{9}]{9^{9^{9}}+1}", NOT_EQUAL),
    Bomb("tower of exponents", "2^" * 500 + "3", NOT_EQUAL),
    Bomb("huge exponent", "1e999999999999", NOT_EQUAL),
    Bomb("sine of a tower", r"\sin(10^{10^{9}})", NOT_EQUAL),
    Bomb("modular tower", r"7^{7^{7^{7}}} \bmod 1000", NOT_EQUAL),
    Bomb("list of 50,000", ",".join(str(n) for n in range(50_000)), NOT_EQUAL),
    Bomb("1 MB of digits", "12" * 500_000, NOT_EQUAL),
    Bomb("1 MB of braces", "{" * 999_999 + "1", NOT_EQUAL),
    Bomb("1 MB of \\boxed{", r"\boxed{" * 140_000, NOT_EQUAL),
    Bomb("1 MB of \\left(", r"\left(" * 160_000, NOT_EQUAL),
    Bomb("1 MB of spaces", "1" + " " * 999_998 + "2", NOT_EQUAL),
    Bomb("1 MB of thousands", "1" + ",234" * 250_000, NOT_EQUAL),
    Bomb("1 MB of dollars", "$" * 999_999 + "1", NOT_EQUAL),
    Bomb("lone surrogate", "7\ud800" * 10, NOT_EQUAL),
    Bomb("long sum sign", r"\sum_{k=1}^{10^9} k^{k}", NOT_EQUAL),
    Bomb("long product sign", r"\prod_{k=1}^{10^7} k", NOT_EQUAL),
    Bomb("hard integral", r"\int_0^1 x^{x^{x}} \sin(x^x)\,dx", NOT_EQUAL),
    Bomb("tower of x", "x^{" * 60 + "2" + "}" * 60, NOT_EQUAL),
    Bomb("60 nested sines", r"\sin(" * 60 + "x" + ")" * 60, NOT_EQUAL),
    Bomb("product of 400", "".join(f"(x+{n})" for n in range(1, 401)), NOT_EQUAL),
    Bomb("5,001 by 2 matrix", r"\begin{pmatrix}" + "1&2\\\\" * 5000 + r"3&4\end{pmatrix}", NOT_EQUAL),
    Bomb("five and next to nothing", "5+10^{-100000}", NOT_EQUAL),
    Bomb("five and a hair", r"5+\sqrt{10^{400}+1}-10^{200}", NOT_EQUAL),
    Bomb("five by expansion", "5+(x+y+1)^{300}-(1+y+x)^{300}", IS_FIVE),
    Bomb("five by 24 roots", "5+" + "+".join(rf"\sqrt{{{n}}}" for n in range(2, 26)) + "-("
         + "+".join(rf"\frac{{{n}}}{{\sqrt{{{n}}}}}" for n in range(2, 26)) + ")", IS_FIVE),
    Bomb("five by products", "5+" + "".join(f"(x+{n})" for n in range(60)) + "-"
         + "".join(f"(x+{n})" for n in range(59, -1, -1)), IS_FIVE),
    Bomb("five by nested roots", r"5+\sqrt{2+\sqrt{3+\sqrt{5+\sqrt{7+\sqrt{11+\sqrt{13}}}}}}"
         r"-\sqrt{2+\sqrt{3+\sqrt{5+\sqrt{7+\sqrt{11+\sqrt{52}/2}}}}}", IS_FIVE),
)  # fmt: skip

# What is matched against what: each against 5, and those that are not 5 against themselves reversed.
MATCHED_BOMBS = tuple(
    (bomb, reference) for bomb in BOMBS for reference in ("5", bomb.text[::-1])
    if reference == "5" or bomb.admissible != IS_FIVE
)  # fmt: skip
