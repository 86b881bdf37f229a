"""Reading verdicts: a table of endings as critics write them, and of those that must stay unread."""

from __future__ import annotations

import pytest

from cftdata.conclusion import read_verdict
from cftdata.stance import find_mentions

R, W = "right", "wrong"
VERDICTS: list[tuple[str, str]] = [
    # the plain form and its dresses
    ("All is well.\n\nConclusion: right [END]", R),
    ("Step 2 adds wrongly.\n\nConclusion: wrong [END]", W),
    ("**Conclusion:** wrong [END]", W),
    ("**Conclusion: right [END]**", R),
    ("Conclusion: **wrong** [END]", W),
    ("### Conclusion: right [END]", R),
    ("### Conclusion:\nRight [END]", R),
    ("### Conclusion\n\nWrong [END]", W),
    ("## Conclusion\n**Right**\n[END]", R),
    ("   - Conclusion: right [END]", R),
    ("CONCLUSION: WRONG", W),
    ("conclusion - wrong", W),
    ("Conclusion — right.", R),
    ("Conclusion = wrong", W),
    ("Conclusion: \"wrong\" [END]", W),
    ("Conclusion: `right`", R),
    ("Conclusion: [wrong] [END]", W),
    ("Conclusion: \\text{wrong} [END]", W),
    ("Conclusion: \\boxed{\\text{wrong}} [END]", W),
    ("_Conclusion_: _right_ [END]", R),
    ("Conclusion wrong [END]", W),
    ("> Conclusion: right", R),
    ("Final Conclusion: incorrect", W),
    ("My conclusion is: correct.", R),
    ("Conclusion: ❌", W),
    ("Conclusion: ✅ [END]", R),
    # a sentence as conclusion
    ("### Conclusion:\nThe student's solution is **right**. [END]", R),
    ("### Conclusion:\nThe student's solution is **wrong**. The cube root was taken wrongly. The "
     "correct answer is \\boxed{7}. [END]", W),
    ("**Conclusion:** The student's solution is **wrong**. The error was in claiming that 2 = "
     "3.\n**[END]**", W),
    ("Conclusion: the solution contains an error in step 2, so it is incorrect.", W),
    ("Conclusion: The answer given by the student is not correct.", W),
    ("In conclusion, the student's solution is incorrect.", W),
    ("In conclusion, there are no errors in the student's work, and the final answer is correct.", R),
    ("Conclusion: it is right because 3 + 4 = 7.", R),
    ("Conclusion: wrong, because the student forgot the right formula.", W),
    ("Conclusion: The student set up the right equation but arrived at the wrong answer.", W),
    ("Conclusion: the student's reasoning is flawed.", W),
    # other words
    ("Final Judgement: incorrect\n\nFirst Error Step: 3", W),
    ("Final Judgement: wrong  \n\nFirst Error Step: 2", W),
    ("Final Judgment: correct\n\nFirst Error Step: N/A", R),
    ("Final verdict: The solution is incorrect.", W),
    ("**Verdict:** Correct", R),
    ("Verdict: INCORRECT", W),
    ("Overall assessment: correct.", R),
    ("Final evaluation: wrong", W),
    ("Judgement: correct", R),
    ("Assessment: Incorrect.", W),
    ("Correctness: incorrect", W),
    ("Final decision: valid", R),
    ("{\"analysis\": \"...\", \"verdict\": \"wrong\"}", W),
    ("{\"is_correct\": true}", R),
    ("Is the solution correct? No.", W),
    ("Verification: Is the answer correct (Yes/No)? Yes", R),
    ("The answer is checked.\n\n\\boxed{\\text{incorrect}}", W),
    ("So I decide: $\\boxed{\\text{Right}}$", R),
    # negation
    ("Conclusion: not right [END]", W),
    ("Conclusion: not wrong [END]", R),
    ("Conclusion: not correct", W),
    ("Conclusion: isn't right", W),
    ("The solution is not wrong.", R),
    ("Conclusion: The student's solution isn't right.", W),
    ("Conclusion: the answer is by no means incorrect.", R),
    ("Everything was checked and no errors were found.", R),
    ("Conclusion: no errors", R),
    ("Conclusion: The solution does not contain any mistakes.", R),
    ("Conclusion: I do not think that the solution is correct.", W),
    ("Conclusion: There is nothing wrong.", R),
    ("The solution is free of errors.", R),
    ("Conclusion: The solution is far from correct.", W),
    # no label at all
    ("Step 1 holds. Step 2 holds. Therefore, the student's solution is correct.", R),
    ("The sum is off by two. The student's solution is wrong. [END]", W),
    ("The cube root is misread. The student's final answer of 12 is incorrect.", W),
    ("The product should be 12.\n\nWrong [END]", W),
    ("All of it was verified.\n\n**Correct.**", R),
    ("The first steps are correct, but the final answer is wrong.", W),
    ("Overall, the response is right.", R),
    ("All the steps of the solution are correct.", R),
    ("The student made a mistake in step 3, and the answer is incorrect.", W),
    # the words inside the text do not count
    ("A wrong turn here would be fatal; the student avoids it.\n\nConclusion: right [END]", R),
    ("This is correct. That is correct. All correct so far.\n\nConclusion: wrong [END]", W),
    ("Using the right triangle, \\left(x\\right), on the right-hand side.\n\nConclusion: wrong", W),
    ("The student claims that the answer is correct. It is not.\n\nConclusion: wrong", W),
    # several conclusions: the last counts
    ("Conclusion: right\n\nWait, I check again: 3*4 = 12.\n\nConclusion: wrong [END]", W),
    ("### Conclusion\nThe student's work is correct.\n\n**Conclusion: right [END]**", R),
    ("Conclusion of step 1: right\nConclusion: wrong [END]", W),
    ("Conclusion: wrong [END]\n\nOn reflection:\n\nConclusion: right [END]", R),
    # notes after [END]
    ("Conclusion: wrong [END]\n\nNote: the right answer would be 5; my conclusion is right.", W),
    ("Conclusion: right [END] (I did not say wrong.)", R),
    ("Conclusion: right [END]\nThe student's solution is wrong in style.", R),
    ("The student's solution is **wrong**. [END] Everything else is right.", W),
    # echoes
    ("I shall end with \"Conclusion: right/wrong [END]\".\n\nStep 1 fails.\n\nConclusion: wrong [END]", W),
    ("Conclusion: right/wrong [END]\n\nConclusion: right [END]", R),
    ("The student's solution is incorrect.\n\nConclusion: right/wrong [END]", W),
    ("Conclusion: right/wrong: wrong [END]", W),
    # thinking
    ("<think>Conclusion: wrong</think>\nConclusion: right [END]", R),
    ("<think>It is right, is it?</think>The student's solution is wrong.", W),
    ("I think it is right.</think>\n\nConclusion: wrong [END]", W),
    ("<thinking>right</thinking>**Conclusion: wrong [END]**", W),
    ("<think>a</think>x<think>Conclusion: right</think> Conclusion: wrong", W),
    # other languages
    ("第二步算错了。\n\n结论:错误", W),
    ("结论：正确 [END]", R),
    ("最终结论：该解答是错误的。", W),
    ("结论：不正确", W),
    ("結論：正しい", R),
    ("結論：正しくない", W),
    ("結論:間違い", W),
    ("Conclusión: correcto", R),
    ("Conclusión: incorrecta [END]", W),
    ("Conclusión: la solución no es correcta.", W),
    ("Conclusion : correcte", R),
    ("Conclusion : la réponse est fausse.", W),
    ("Fazit: falsch", W),
    ("Fazit: Die Lösung ist richtig.", R),
    ("Urteil: nicht korrekt", W),
    ("Вывод: верно", R),
    ("Вывод: решение неверно", W),
    ("Вывод: неправильно [END]", W),
    ("Conclusão: correto", R),
    ("Conclusão: a resposta está errada.", W),
    # more ways to say it
    ("<verdict>right</verdict>", R),
    ("| Conclusion | wrong |", W),
    ("The final answer is therefore wrong.", W),
    ("The given solution is thus invalid. [END]", W),
    ("Overall Correctness: wrong", W),
    ("Conclusion: The solution would be right if 2 + 2 = 5, but it is wrong.", W),
    ("Conclusion: completely wrong", W),
    ("Conclusion: the solution is mathematically sound and correct.", R),
    ("Conclusion: This is a correct solution.", R),
    ("Conclusion: invalid", W),
    ("Conclusion: wrong answer.", W),
    ("Conclusion: The solution is mostly correct, but the final answer is wrong.", W),
    ("Conclusion: wrong, but the first steps are right.", W),
    ("Final Judgement: wrong\n\nError Analysis: the logic fails, even though they get the right "
     "final answer.", W),
]

UNREAD: list[tuple[str, str]] = [
    ("", "empty"),
    ("  \n\t ", "empty"),
    ("Conclusion: right/wrong [END]", "echoed"),
    ("Conclusion: [right/wrong] [END]", "echoed"),
    ("Conclusion: right or wrong", "echoed"),
    ("**Conclusion:** wrong/right [END]", "echoed"),
    ("结论：正确/错误", "echoed"),
    ("Conclusion: partially correct [END]", "hedged"),
    ("Conclusion: mostly right", "hedged"),
    ("Conclusion: the solution is largely correct.", "hedged"),
    ("Conclusion: not entirely correct", "hedged"),
    ("Conclusion: The answer may be wrong.", "hedged"),
    ("Conclusion: probably right", "hedged"),
    ("Conclusion: right except for step 3", "hedged"),
    ("The solution is almost right.", "hedged"),
    ("Conclusión: parcialmente correcta", "hedged"),
    ("结论：部分正确", "hedged"),
    ("Conclusion: neither right nor wrong", "hedged"),
    ("Conclusion: right and wrong [END]", "contradictory"),
    ("Conclusion: right, but wrong", "contradictory"),
    ("Conclusion: the solution is right but the final answer is wrong.", "contradictory"),
    ("Conclusion: right\n\nHold on. The student's solution is wrong after all.", "contradictory"),
    ("<think>Conclusion: right", "truncated_thinking"),
    ("Let me see.\n<think>The answer is wrong", "truncated_thinking"),
    ("The first steps are correct. The setup is right.", "no_conclusion"),
    ("Step 1: P = k A V^3. This is correct.", "no_conclusion"),
    ("The correct answer is 12.", "no_conclusion"),
    ("We must decide whether the solution is right.", "no_conclusion"),
    ("Is the solution right?", "no_conclusion"),
    ("If the student had added, the solution would be correct.", "no_conclusion"),
    ("The right triangle has the wrong side at the right.", "no_conclusion"),
    ("\\left( 3 \\right) = 3", "no_conclusion"),
    ("The student's solution is correct up to here, and then we look at how", "truncated"),
    ("I'm sorry, but I can't help with that.", "refused"),
    ("Conclusion:", "no_conclusion"),
    ("Conclusion: V = 12", "no_conclusion"),
    ("Conclusion: right triangle sides are 3, 4, 5", "no_conclusion"),
    ("Rozwiązanie jest poprawne.", "no_conclusion"),
    ("[END]", "no_conclusion"),
    ("Judgement: correct\nJudgement: incorrect", "contradictory"),
]


def test_the_tables_are_as_large_as_they_should_be() -> None:
    assert len(VERDICTS) >= 120
    assert len(UNREAD) >= 35


@pytest.mark.parametrize(("text", "verdict"), VERDICTS)
def test_verdict_is_read(text: str, verdict: str) -> None:
    reading = read_verdict(text)
    assert (reading.value, reading.end > reading.start) == (verdict, True), reading


@pytest.mark.parametrize(("text", "verdict"), VERDICTS)
def test_verdict_stands_after_a_long_critique_with_praise_and_blame(text: str, verdict: str) -> None:
    before = ("Let me look at it.\n\n### Step 1\nThe setup is correct. "
              "The sum 3 + 4 = 8 is wrong in line 2, which is odd.\n\n")
    labelled = read_verdict(text).reason not in ("closing_sentence",)
    if labelled:
        assert read_verdict(before + text).value == verdict


@pytest.mark.parametrize(("text", "reason"), UNREAD)
def test_what_cannot_be_told_is_none_with_its_reason(text: str, reason: str) -> None:
    reading = read_verdict(text)
    assert (reading.value, reading.reason) == (None, reason)


def test_evidence_is_the_words_in_the_original_text() -> None:
    for text, words in (("<think>right</think> Conclusion: WRONG [END]", "WRONG"),
                        ("Conclusion: not right [END]", "not right"),
                        ("The solution is **not** correct.", "not** correct")):
        reading = read_verdict(text)
        assert text[reading.start:reading.end] == words


def test_mentions_tell_the_whole_from_a_part() -> None:
    text = "The setup is right, and the substitution is correct, but the final answer is wrong."
    mentions = find_mentions(text)
    assert [(m.verdict, m.subject) for m in mentions] == [(R, "part"), (R, "part"), (W, "whole")]
