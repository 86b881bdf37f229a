"""Makes the bundled set: `python -m cftdata.bundled.make [FOLDER]` writes its three files.

Everything is drawn from one seed, so that they come out byte for byte the same. demo.jsonl is a plain
table (id, query, response, critique, reference_answer, critic, student); truth.jsonl says of each id what is
true of it by construction; truth_summary.json counts what an audit of the table must report.

    >>> [row["id"] for row, _ in make_rows()][:2]
    ['demo-0001', 'demo-0002']

Not covered: right answers by wrong reasoning, gold columns, several languages.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import cast

from cftdata import sample
from cftdata.bundled.critiques import (
    CRITICS,
    OTHER,
    UNREAD,
    WORDINGS,
    Critique,
    Fault,
    Order,
    Verdict,
    write_critique,
)
from cftdata.problems.problem import Problem, draw_problem, read_bundled
from cftdata.problems.writing import Response, answers, rounded, write_response, write_unfinished
from cftdata.sample import content_id

SEED = 20261123
# The slip stands twice: it is the commonest error, and the one that makes an equation false.
ERRORS = (
    "arithmetic_slip", "arithmetic_slip", "wrong_operator", "dropped_quantity", "sign_error", "off_by_one",
    "wrong_formula",
)
WRONG_SHARE = {"student-careful": 0.25, "student-hasty": 0.7, "student-sleepy": 0.5}
FAULTY_SHARE = 0.15
"""Share of the critiques with a right verdict that get a fault of another kind."""
FAULTS: dict[Verdict, tuple[str, ...]] = {
    "right": ("false_equation", "misquotation", "wrong_corrected_answer", "contradiction"),
    "wrong": ("false_equation", "wrong_first_error_step", "misquotation", "wrong_corrected_answer",
              "contradiction"),
}
COMMON = ("plain", "plain", "plain", "plain", "bold", "bold", "heading", "heading", "bold_label", "sentence")
EXPLICIT = {"plain", "bold", "bold_label", "heading"}
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Case:
    """A problem of the set with its reference and the responses to it."""

    number: int
    problem: Problem
    reference: str | None
    is_suspect: bool
    responses: tuple[Response, ...]


def make_cases(rng: Random) -> list[Case]:
    """All problems: two of each template, one without reference, one with a wrong reference."""
    drawn = list[Problem]()
    templates = read_bundled()
    wheel = next(template for template in templates if template.name == "water_wheel")
    for template in (*templates, *templates, templates[1], wheel):
        problem = draw_problem(rng, template)
        while problem.query in {other.query for other in drawn}:
            problem = draw_problem(rng, template)
        drawn.append(problem)
    errors = _cycle(rng, ERRORS)
    cases = [_make_case(rng, number, problem, errors) for number, problem in enumerate(drawn[:-2], 1)]
    unreferenced = _make_case(rng, len(drawn) - 1, drawn[-2], errors)
    cases.append(Case(unreferenced.number, unreferenced.problem, None, False, unreferenced.responses))
    return [*cases, _make_suspect(rng, len(drawn), drawn[-1], errors)]


def _cycle(rng: Random, names: Sequence[str]) -> Callable[[], str]:
    """Deals the names out in shuffled rounds, so that each comes up as often as the others."""
    deck = list[str]()

    def deal() -> str:
        if not deck:
            deck.extend(rng.sample(list(names), len(names)))
        return deck.pop()

    return deal


def _make_case(rng: Random, number: int, problem: Problem, errors: Callable[[], str]) -> Case:
    plain_forms, latex_forms = answers(problem, problem.lines())
    students = ["student-careful", "student-hasty", *(["student-sleepy"] if number % 3 == 0 else [])]
    responses = list[Response]()
    for student in students:
        is_wrong = rng.random() < WRONG_SHARE[student]
        responses.append(_respond(rng, problem, student, errors if is_wrong else None))
    if number in {8, 25}:
        responses.append(write_unfinished(rng, problem, "student-sleepy"))
    reference = rng.choice([plain_forms[0], plain_forms[0], latex_forms[0]])
    return Case(number, problem, reference, False, tuple(responses))


def _respond(rng: Random, problem: Problem, student: str, errors: Callable[[], str] | None) -> Response:
    """A right response, or one with the first of the errors dealt that the problem has room for."""
    is_root = problem.template.kind == "root"
    if errors is None:
        return write_response(rng, problem, problem.lines(), student, is_root and rng.random() < 0.5)
    lines = None
    while lines is None:
        lines = problem.plant(rng, errors())
    return write_response(rng, problem, lines, student)


def _make_suspect(rng: Random, number: int, problem: Problem, errors: Callable[[], str]) -> Case:
    """The problem whose reference is a slip: ten responses, of which the eight right ones agree."""
    texts, responses = set[str](), list[Response]()
    students = list(WRONG_SHARE)
    while len(responses) < 8:
        response = write_response(rng, problem, problem.lines(), students[len(responses) % 3])
        if response.text not in texts:
            texts.add(response.text)
            responses.append(response)
    responses += [_respond(rng, problem, student, errors) for student in students[1:]]
    slip = float(rounded(problem.result(problem.lines())[0])) + 0.1
    return Case(number, problem, f"{slip:.2f}", True, tuple(responses))


def make_orders(rng: Random, cases: Sequence[Case]) -> list[tuple[Case, Response, Order]]:
    """Who critiques which response, how, and with which planted fault; in the order of the cases."""
    orders = {critic: _orders_of(rng, critic, cases) for critic in CRITICS}
    return [(case, response, orders[critic][case.number, place])
            for case in cases for place, response in enumerate(case.responses) for critic in CRITICS
            if (case.number, place) in orders[critic]]


def _orders_of(rng: Random, critic: str, cases: Sequence[Case]) -> dict[tuple[int, int], Order]:
    """One critic's orders by (case, place of the response)."""
    seen = {(case.number, place): (case, response)
            for case in cases for place, response in enumerate(case.responses)
            if critic != "critic-terse" or case.is_suspect or rng.random() < 0.75}
    flipped = _flipped(rng, critic, seen)
    deals = {verdict: _cycle(rng, kinds) for verdict, kinds in FAULTS.items()}
    deal, held = _cycle(rng, [*COMMON, *WORDINGS]), list[str]()
    orders = {}
    for place, (case, response) in seen.items():
        honest: Verdict = "right" if response.is_correct else "wrong"
        verdict = OTHER[honest] if place in flipped else honest
        is_honest = place not in flipped and not case.is_suspect and bool(response.lines)
        fault = deals[verdict]() if is_honest and rng.random() < FAULTY_SHARE else None
        is_planned = place in flipped or case.is_suspect or fault is not None
        wording = _take(held, deal, partial(_fits, is_planned, fault, response))
        orders[place] = Order(critic, verdict, wording, fault)
    return orders


def _flipped(
    rng: Random, critic: str, seen: dict[tuple[int, int], tuple[Case, Response]]
) -> set[tuple[int, int]]:
    """The responses of which this critic says the opposite of the truth."""
    plain = {place: response for place, (case, response) in seen.items()
             if not case.is_suspect and response.is_correct is not None}
    right = [place for place, response in plain.items() if response.is_correct]
    wrong = [place for place, response in plain.items() if not response.is_correct]
    pool, share = {"critic-strict": ([*right, *wrong], 0.03), "critic-lenient": (wrong, 1 / 3),
                   "critic-terse": (right, 0.2)}[critic]
    return set(rng.sample(pool, round(len(pool) * share)))


def _take(held: list[str], deal: Callable[[], str], fits: Callable[[str], bool]) -> str:
    """The first wording that fits, of those passed over before and then of those dealt anew."""
    for name in held:
        if fits(name):
            held.remove(name)
            return name
    while not fits(name := deal()):
        held.append(name)
    return name


def _fits(is_planned: bool, fault: str | None, response: Response, wording: str) -> bool:
    """Whether a wording leaves what is planned for the row readable, and stays true of the response."""
    if fault == "contradiction":
        return wording in EXPLICIT
    if wording == "wrong_inside" and response.error_kind == "sign_error":
        return False
    return not (wording in UNREAD and (is_planned or not response.lines))


def make_rows(seed: int = SEED) -> list[tuple[Row, Row]]:
    """The rows of the table, each with its truth."""
    rng = Random(seed)
    made = [(case, response, write_critique(rng, response, order))
            for case, response, order in make_orders(rng, make_cases(rng))]
    pairs = [(_table_row(*one), _truth_row(*one)) for one in made]
    copied = rng.sample([n for n, (_, truth) in enumerate(pairs) if truth["verdict_error"] is not None], 3)
    broken = rng.randrange(len(pairs) // 2)
    copies = [(dict(pairs[n][0]), pairs[n][1] | {"duplicate_of": _id(n + (n >= broken))}) for n in copied]
    pairs.insert(broken, (pairs[broken][0] | {"query": None}, _unread_truth(pairs[broken][1])))
    pairs += copies
    return [({"id": _id(n)} | row, {"id": _id(n)} | truth) for n, (row, truth) in enumerate(pairs)]


def _id(place: int) -> str:
    return f"demo-{place + 1:04d}"


def _table_row(case: Case, response: Response, critique: Critique) -> Row:
    return {"query": case.problem.query, "response": response.text, "critique": critique.text,
            "reference_answer": case.reference, "critic": critique.critic, "student": response.student}


def _truth_row(case: Case, response: Response, critique: Critique) -> Row:
    correct = response.is_correct
    by_truth = (critique.verdict == "right") != correct
    reason = _undecided_reason(case, response, critique)
    # No response gives the wrong reference as its answer: if that were true, each `right` would be an error.
    by_reference = critique.verdict == "right" if case.is_suspect and critique.verdict else None
    return {
        "sample_id": content_id(sample.Query(text=case.problem.query), sample.Response(text=response.text),
                                sample.Critique(text=critique.text)),
        "problem": f"p{case.number:02d}-{case.problem.template.name}",
        "true_answer": answers(case.problem, case.problem.lines())[0][0],
        "response_answer": response.answer,
        "response_correct": correct,
        "rounded": response.is_rounded,
        "error_kind": response.error_kind,
        "first_error_step": None if correct is None else response.first_error_step,
        "verdict": critique.verdict,
        "wording": critique.wording,
        "verdict_error": None if reason else by_truth,
        "undecided_reason": reason,
        "reference_suspect": case.is_suspect,
        "verdict_error_if_reference_true": by_reference,
        "faults": [_place(fault, critique.text) for fault in critique.faults],
        "duplicate_of": None,
        "unread": False,
    }


def _place(fault: Fault, text: str) -> Row:
    """A fault with its place in the critique; a wrong verdict stands at the end, the others stand once."""
    start = text.rindex(fault.text)
    return {"kind": fault.kind, "start": start, "end": start + len(fault.text), "text": fault.text}


def _unread_truth(like: Row) -> Row:
    """The truth of a row that cannot be read: nothing is to be said of it."""
    return dict.fromkeys(like) | {"reference_suspect": False, "rounded": False, "faults": [], "unread": True}


def _undecided_reason(case: Case, response: Response, critique: Critique) -> str | None:
    if critique.verdict is None:
        return "verdict_unread"
    if case.reference is None:
        return "no_reference"
    if response.answer is None:
        return "no_final_answer"
    return "suspect_reference" if case.is_suspect else None


def summarise(pairs: Sequence[tuple[Row, Row]]) -> Row:
    """What an audit of the table must report, counted from the truth."""
    read = [(row, truth) for row, truth in pairs if not truth["unread"]]
    distinct = [(row, truth) for row, truth in read if truth["duplicate_of"] is None]
    truths = [truth for _, truth in distinct]
    wrong = [truth for truth in truths if truth["response_correct"] is False]
    right = [truth for truth in truths if truth["response_correct"] is True]
    faults = Counter(fault["kind"] for truth in truths for fault in cast(list[Row], truth["faults"]))
    suspects = [(row, truth) for row, truth in distinct if truth["reference_suspect"]]
    return {
        "seed": SEED,
        "n_rows": len(pairs),
        "n_unread": len(pairs) - len(read),
        "n_samples": len(read),
        "n_duplicates": len(read) - len(distinct),
        "n_distinct": len(distinct),
        "n_queries": len({row["query"] for row, _ in distinct}),
        "verdict_error": _count(truth["verdict_error"] for truth in truths),
        "verdict_error_by": {column: _count_by(distinct, column) for column in ("critic", "student")},
        "false_right": _count(truth["verdict_error"] for truth in wrong),
        "false_wrong": _count(truth["verdict_error"] for truth in right),
        "verdict_error_unrounded": _count(truth["verdict_error"] for truth in truths if not truth["rounded"]),
        "verdict_error_suspects_included": _count(
            truth["verdict_error_if_reference_true"] if truth["reference_suspect"] else truth["verdict_error"]
            for truth in truths),
        "verdict_error_by_consensus": _count(
            None if truth["verdict_error_if_reference_true"] is None and truth["reference_suspect"]
            else (truth["verdict"] == "right") != truth["response_correct"] if truth["reference_suspect"]
            else truth["verdict_error"] for truth in truths),
        "undecided": dict(sorted(Counter(str(truth["undecided_reason"]) for truth in truths
                                         if truth["undecided_reason"]).items())),
        "suspect_references": [{"query": row["query"], "reference_answer": row["reference_answer"],
                                "true_answer": truth["true_answer"], "n_samples": len(suspects)}
                               for row, truth in suspects[:1]],
        "faults": dict(sorted((str(kind), count) for kind, count in faults.items())),
    }


def _count_by(pairs: Sequence[tuple[Row, Row]], column: str) -> dict[str, dict[str, int]]:
    names = sorted({str(row[column]) for row, _ in pairs})
    return {name: _count(truth["verdict_error"] for row, truth in pairs if row[column] == name)
            for name in names}


def _count(errors: Iterable[object]) -> dict[str, int]:
    decided = [error for error in errors if error is not None]
    return {"n_hits": sum(error is True for error in decided), "n_decided": len(decided)}


def write_files(folder: Path) -> None:
    """Writes the three files."""
    pairs = make_rows()
    for name, rows in zip(("demo.jsonl", "truth.jsonl"), zip(*pairs, strict=True), strict=True):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / name).write_bytes(text.encode())
    summary = json.dumps(summarise(pairs), ensure_ascii=False, indent=2)
    (folder / "truth_summary.json").write_bytes(f"{summary}\n".encode())


if __name__ == "__main__":
    write_files(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
