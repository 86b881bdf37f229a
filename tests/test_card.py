from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from small_dataset import OTHER, make_audited, make_curated

from cftdata.audit_plot import draw_rates, shown_rates
from cftdata.card import CardSettings, size_category
from cftdata.dataset import Laid, lay_data, write_card
from cftdata.effect.outcomes import Conditions, Outcome
from cftdata.effect.report import make_report
from cftdata.figures import AuditReport
from cftdata.rows import CftRow
from cftdata.sections import read
from cftdata.terms import find_terms


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Laid:
    folder = tmp_path_factory.mktemp("set")
    return lay_data(make_curated(folder / "curated"), folder / "dataset", CardSettings())


def card_of(laid: Laid, settings: CardSettings | None = None, **where: Any) -> str:
    write_card(laid, settings or CardSettings(), **{"repo": "acme/sums", "tag": "v1.0.0", **where})
    return (laid.staging / "README.md").read_text(encoding="utf-8")


def front_of(card: str) -> dict[str, Any]:
    front: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return front


def html_of(card: str) -> str:
    """The body as the Hub's Markdown with tables shows it."""
    return str(MarkdownIt("gfm-like", {"linkify": False}).render(card.split("---\n", 2)[2]))


def test_front_matter_has_what_the_hub_and_datasets_read(laid: Laid) -> None:
    front = front_of(card_of(laid, CardSettings(licence="Apache-2.0", tags=("maths",), language=("en", "de"),
                                                source_datasets=("org/queries",))))
    assert front["license"] == "apache-2.0"
    assert front["language"] == ["en", "de"]
    assert front["size_categories"] == ["n<1K"]
    assert front["task_categories"] == ["text-generation"]
    assert front["annotations_creators"] == ["machine-generated"]
    assert front["source_datasets"] == ["org/queries"]
    assert {"maths", "critique-fine-tuning"} <= set(front["tags"])
    assert [config["config_name"] for config in front["configs"]] == ["cft", "sft", "audit", "dropped"]
    assert [config.get("default") for config in front["configs"]] == [True, None, None, None]
    infos = {info["config_name"]: info for info in front["dataset_info"]}
    assert [one["name"] for one in infos["cft"]["features"]] == list(CftRow.model_fields)
    assert infos["cft"]["splits"][0]["num_examples"] == 5
    assert infos["cft"]["download_size"] == sum(
        file.n_bytes for name, file in laid.manifest.files.items() if name.startswith("cft/"))


def test_a_set_without_a_licence_says_so(laid: Laid) -> None:
    card = card_of(laid)
    assert front_of(card)["license"] == "unknown"
    assert "No licence is stated for this set." in card
    with pytest.raises(ValueError, match="as the Hub names it"):
        CardSettings(licence="Apache License 2.0")


def test_every_part_that_a_reader_needs_is_there(laid: Laid) -> None:
    sections = {name: part.text for name, part in read(card_of(laid)).items()}
    assert " ".join(sections) == ("title load fields example made audit dropped contamination limits "
                                  "licences terms citation changelog")
    assert 'load_dataset("acme/sums", "cft", revision="v1.0.0")' in sections["load"]
    assert "| `dropped` | `train` | 1 |" in sections["load"]
    assert all(f"| `{name}` |" in sections["fields"] for name in CftRow.model_fields)
    assert "openai/gpt-4o" in sections["made"]
    assert "| drop | right response called wrong (`right_called_wrong`) | 1 |" in sections["dropped"]
    assert "Of 6 rows 5 were kept and 1 dropped" in sections["dropped"]
    assert "test.jsonl: 1319" in sections["contamination"]
    assert "/home/someone" not in sections["contamination"]
    assert "check yourself" in sections["terms"]
    assert "develop models that compete with OpenAI" in sections["terms"]
    assert "- **v1.0.0**: 5 critiques." in sections["changelog"]


def test_the_audit_stands_with_its_intervals_before_and_after(laid: Laid) -> None:
    audit = read(card_of(laid))["audit"].text
    now, before = laid.material.report.rates["verdict_error"], laid.material.before
    assert before is not None
    was = before.rates["verdict_error"]
    assert (was.n_hits, now.n_hits) == (1, 0)
    row = next(line for line in audit.splitlines() if line.startswith("| wrong verdict |"))
    assert row == "| wrong verdict | 1 of 5 (20.0%, 3.6%–62.4%) | 0 of 4 (0%, 0%–49.0%) | 1 |"
    assert "0 of 4 critiques have a wrong verdict" in audit
    assert "(assets/audit.png)" in audit
    assert laid.material.report.protocol in audit


def test_the_example_is_json_that_no_text_can_leave(laid: Laid, tmp_path: Path) -> None:
    evil = "```\n</details><!-- cftdata:end example --><script>alert(1)</script> ````"
    rows = [{"query": OTHER, "response": evil, "critique": f"{evil}\nConclusion: right"}]
    folder = make_audited(tmp_path / "audited", rows, critic="a|b</td><script>")
    card = card_of(lay_data(folder, tmp_path / "dataset", CardSettings()))
    block = re.search(r"^(`{4,})json\n(.*?)\n\1$", read(card)["example"].text, re.DOTALL | re.MULTILINE)
    assert block
    assert json.loads(block[2])["response"] == evil
    html = html_of(card)
    assert "<script>" not in html
    assert html.count("<pre>") == html_of(card_of(laid)).count("<pre>")


def test_the_card_renders_without_stray_markup(laid: Laid) -> None:
    html = html_of(card_of(laid))
    assert html.count("<table>") == html.count("</table>") >= 10
    assert "| ---" not in html
    assert "|---" not in html
    assert "{{" not in html
    assert "None" not in html
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        widths = {len(re.findall("<t[hd]", row)) for row in re.findall("<tr>.*?</tr>", table, re.DOTALL)}
        assert len(widths) == 1, table


def test_settings_say_what_the_data_cannot(laid: Laid) -> None:
    settings = CardSettings(
        title="Sums", about="Sums that were *critiqued*.", authors=("Ada", "Bob"), homepage="https://example.org",
        source_licences={"rows.jsonl": "cc-by-4.0"}, model_terms={"weak/one": "[ours](https://example.org)"})
    sections = {name: part.text for name, part in read(card_of(laid, settings)).items()}
    assert sections["title"].startswith("# Sums\n\nSums that were *critiqued*.")
    assert "| rows.jsonl | cc-by-4.0 | 5 |" in sections["licences"]
    assert "| weak/one | [ours](https://example.org) |" in sections["terms"]
    assert "author = {Ada and Bob}" in sections["citation"]
    assert r"\url{https://example.org}" in sections["citation"]
    assert "\n@misc{mine}\n" in card_of(laid, CardSettings(citation="@misc{mine}"))


def test_the_changelog_keeps_earlier_releases(laid: Laid) -> None:
    first = card_of(laid, CardSettings(changelog="The first."), tag="v1.0.0")
    second = card_of(laid, CardSettings(changelog="More\nchecks."), tag="v1.1.0", old=first)
    lines = read(second)["changelog"].text.splitlines()[2:]
    assert lines == ["- **v1.1.0**: 5 critiques. More checks.", "- **v1.0.0**: 5 critiques. The first."]
    again = card_of(laid, CardSettings(changelog="More\nchecks."), tag="v1.1.0", old=second)
    assert again == second


def test_an_edited_card_keeps_its_sections(laid: Laid) -> None:
    first = card_of(laid)
    edited = first.replace("## Limits\n", "## Limits\n\n- Ours: only sums.\n")
    _, kept = write_card(laid, CardSettings(licence="mit"), repo="acme/sums", tag="v1.0.0", old=edited)
    assert kept == ("limits",)
    card = (laid.staging / "README.md").read_text(encoding="utf-8")
    assert "- Ours: only sums." in card
    assert front_of(card)["license"] == "mit"


def test_a_set_that_was_not_curated_says_so(tmp_path: Path) -> None:
    audited = lay_data(make_audited(tmp_path / "audited"), tmp_path / "dataset", CardSettings())
    sections = read(card_of(audited))
    assert "The set was not curated" in sections["dropped"].text
    assert "Not checked" in sections["contamination"].text


def test_what_it_teaches_is_said_where_it_was_measured(tmp_path: Path) -> None:
    folder = make_audited(tmp_path / "audited")
    (folder / "effect").mkdir()
    outcomes = [Outcome(arm=arm, seed=0, task="answer", set="held_out", item_id=f"q{item}", text="4",
                        answer="4", correct=arm == "cft" or item > 1, n_tokens=1)
                for arm in ("sft", "cft") for item in range(9)]
    study = Conditions(source="audited", content_hash="0" * 64, model="tiny", settings="quick@0",
                       arms=("sft", "cft"), seeds=(0,), device="a CPU", precision="float32", seconds=1,
                       cftdata_version="0")
    report = make_report(outcomes, (), study)
    (folder / "effect" / "effect.json").write_text(report.model_dump_json())
    said = read(card_of(lay_data(folder, tmp_path / "dataset", CardSettings())))["effect"].text
    assert said.startswith("## What it teaches\n\nMeasured on an earlier state of this set.")
    assert "| cft |" in said


def test_the_picture_is_a_function_of_the_figures(laid: Laid, tmp_path: Path) -> None:
    report, before = laid.material.report, laid.material.before
    for name in ("one.png", "two.png"):
        draw_rates(report, before, tmp_path / name)
    draw_rates(report, None, tmp_path / "three.png")
    one, two, three = ((tmp_path / name).read_bytes() for name in ("one.png", "two.png", "three.png"))
    assert one == two != three
    assert one.startswith(b"\x89PNG")
    empty = report.model_copy(update={"rates": {}})
    assert shown_rates(empty, None) == ["verdict_error"]
    draw_rates(empty, None, tmp_path / "empty.png")


def test_rates_that_repeat_the_headline_are_not_shown(laid: Laid) -> None:
    report: AuditReport = laid.material.report
    assert "verdict_error_suspects_included" in report.rates
    assert "verdict_error_suspects_included" not in shown_rates(report, laid.material.before)
    assert "false_right" in shown_rates(report, laid.material.before)


@pytest.mark.parametrize(("n", "name"), [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (10**8, "n>100M")])
def test_sizes_are_named_as_on_the_hub(n: int, name: str) -> None:
    assert size_category(n) == name


@pytest.mark.parametrize(("model", "provider"), [
    ("openai/gpt-4o-2024-11-20", "OpenAI"), ("azure/gpt-4.1", "OpenAI"), ("o3-mini", "OpenAI"),
    ("claude-3-7-sonnet-20250219", "Anthropic"), ("gemini/gemini-2.5-pro", "Google (Gemini)"),
    ("google/gemma-2-9b-it", "Google (Gemma)"), ("Qwen2.5-Math-7B-Instruct", "Qwen (Alibaba Cloud)"),
    ("meta-llama/Llama-3.1-8B", "Meta (Llama)"), ("phi4", "Microsoft (Phi)"), ("symbolic", "cftdata"),
    ("injected", "cftdata"), ("openai/my-finetune", None), ("mistral/large", None), ("self", None),
    ("", None)])
def test_terms_are_known_by_the_model_and_not_by_its_host(model: str, provider: str | None) -> None:
    found = find_terms(model)
    assert (found.provider if found else None) == provider
