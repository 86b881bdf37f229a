"""The dataset card: what a dataset is, how it was made and how wrong it is, as the Hub shows it.

Its front matter is what the Hub and `datasets` read (configs, features, splits, licence); its sections are
the blocks of `templates/card.md.j2`, merged into the card on the Hub so that what someone edited there stays
(see `sections`). The changelog keeps the lines of earlier releases and adds one for the tag.

    >>> CardSettings(licence="Apache-2.0").licence
    'apache-2.0'
    >>> size_category(576), size_category(100_000)
    ('n<1K', '100K<n<1M')

Not covered: cards of models and spaces, other languages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from cftdata.audit_plot import shown_rates
from cftdata.config import name_content
from cftdata.errors import ExtraMissing
from cftdata.facts import Facts
from cftdata.figures import AuditReport
from cftdata.manifest import PLOT, Manifest
from cftdata.material import Material
from cftdata.prompts import Prompt, list_prompts
from cftdata.rows import CftRow, public_name
from cftdata.sample import Proportion, Rate, Record
from cftdata.sections import Merged, merge, read
from cftdata.shards import CONFIGS, features_of
from cftdata.terms import find_terms
from cftdata.words import (
    BY_CONSENSUS,
    CLAIMS,
    HEADLINE,
    METHODS,
    code,
    escape_markdown,
    headline,
    interval,
    name_of,
    percent,
    reason_in_words,
)

if TYPE_CHECKING:
    import jinja2

__all__ = ["CardSettings", "render_card", "size_category"]

MOST_ROWS = 30
"""Rows of a table of the card."""
ABOUT_CONFIGS = {
    "cft": "critiques to train on", "sft": "right responses to the same queries, once each",
    "audit": "every check of every row, by `sample_id`", "dropped": "what curating took out, with why"}
TAGS = ("critique-fine-tuning", "synthetic", "reasoning", "cftdata")
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
         (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"))
LICENCE_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def _lower(licence: str) -> str:
    if not LICENCE_NAME.fullmatch(licence.lower()):
        raise ValueError("a licence is named as the Hub names it, as apache-2.0, cc-by-4.0 or other")
    return licence.lower()


class CardSettings(Record):
    """What a card says that the data does not tell. All of it may be left out."""

    title: str | None = None
    """Name for people; None takes the repository's."""
    about: str | None = None
    """What the set is and is for, in Markdown."""
    licence: Annotated[str, AfterValidator(_lower)] | None = None
    """Licence of the set, as the Hub spells it (`apache-2.0`); None says that none is stated."""
    language: tuple[str, ...] = ("en",)
    """ISO 639-1 codes."""
    tags: tuple[str, ...] = ()
    """Tags beside our own."""
    authors: tuple[str, ...] = ()
    """Who made it."""
    homepage: str | None = None
    """Where more is said of it."""
    citation: str | None = None
    """BibTeX; None makes an entry of authors and title."""
    changelog: str | None = None
    """What is new in this release, in a sentence."""
    source_datasets: tuple[str, ...] = ()
    """Hub ids of the sets it comes from."""
    source_licences: dict[str, str] = Field(default_factory=dict)
    """Source to its licence, where the rows do not state it."""
    model_terms: dict[str, str] = Field(default_factory=dict)
    """Model to what its terms say of training on its outputs, in Markdown with a link; goes before ours."""
    allowed_findings: tuple[str, ...] = ()
    """Fingerprints of findings of the secret scan that someone has looked at and let pass."""
    test_rate: Proportion = 0.0
    """Share of the queries, drawn by their text, whose rows become the split `test`; 0 makes none."""


def render_card(material: Material, facts: Facts, manifest: Manifest, settings: CardSettings, *,  # noqa: PLR0913
                repo: str | None = None, tag: str | None = None, old: str | None = None) -> Merged:
    """The card, and what of the old one was kept. repo: org/name. old: the card that is on the Hub."""
    context = _gather(material, facts, manifest, settings, repo or "ORG/NAME", tag)
    context["changes"] = _list_changes(manifest, settings, tag, old)
    template = _template()
    texts = {name: "".join(block(template.new_context(context))) for name, block in template.blocks.items()}
    even = {name: re.sub(r"\n{3,}", "\n\n", text).strip() for name, text in texts.items()}
    return merge({name: text for name, text in even.items() if text}, _front(manifest, settings, repo), old)


def size_category(n_rows: int) -> str:
    """The Hub's name for a set of so many rows."""
    return next((name for limit, name in SIZES if n_rows < limit), "n>100M")


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(loader=jinja2.PackageLoader("cftdata"), undefined=jinja2.StrictUndefined,
                                     trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters |= {
        "n": lambda number: f"{number:,}", "percent": percent, "interval": interval, "words": reason_in_words,
        "cell": escape_markdown, "code": code, "rate_name": name_of, "fence": _fence,
        "rate": _say_rate, "host": lambda link: urlsplit(link).netloc}
    return environment.get_template("card.md.j2")


# --- Front matter


def _front(manifest: Manifest, settings: CardSettings, repo: str | None) -> dict[str, Any]:
    """What the Hub and `datasets` read at the head of the card."""
    n_rows = sum(split.n_rows for split in manifest.configs["cft"].values())
    front = {
        "pretty_name": settings.title or (repo or "").partition("/")[2] or None,
        "license": settings.licence or "unknown", "language": list(settings.language),
        "size_categories": [size_category(n_rows)], "task_categories": ["text-generation"],
        "annotations_creators": ["machine-generated"], "language_creators": ["machine-generated"],
        "source_datasets": list(settings.source_datasets),
        "tags": list(dict.fromkeys((*TAGS, *settings.tags))),
        "configs": [_config(name, manifest) for name in manifest.configs],
        "dataset_info": [_info(name, manifest) for name in manifest.configs],
    }
    return {name: value for name, value in front.items() if value}


def _config(name: str, manifest: Manifest) -> dict[str, Any]:
    files = [{"split": split, "path": f"{name}/{split}-*.parquet"} for split in manifest.configs[name]]
    return {"config_name": name, "data_files": files} | ({"default": True} if name == "cft" else {})


def _info(name: str, manifest: Manifest) -> dict[str, Any]:
    """The features and sizes of a config, as `datasets` writes them."""
    try:
        from datasets import DatasetInfo, SplitDict, SplitInfo
        from datasets.info import DatasetInfosDict
        from huggingface_hub import DatasetCardData
    except ImportError as fault:
        raise ExtraMissing("publishing", "hub") from fault
    splits = manifest.configs[name]
    sizes = SplitDict({split: SplitInfo(name=split, num_bytes=one.n_bytes, num_examples=one.n_rows)
                       for split, one in splits.items()})
    info = DatasetInfo(features=features_of(name), splits=sizes,
                       download_size=sum(manifest.files[file].n_bytes for one in splits.values()
                                         for file in one.files),
                       dataset_size=sum(one.n_bytes for one in splits.values()))
    data = DatasetCardData()
    DatasetInfosDict({name: info}).to_dataset_card_data(data)
    return dict(data["dataset_info"])


# --- What the template shows


def _gather(material: Material, facts: Facts, manifest: Manifest, settings: CardSettings,  # noqa: PLR0913, PLR0917
            repo: str, tag: str | None) -> dict[str, Any]:
    report, curation, title = material.report, material.curation, settings.title or repo.partition("/")[2]
    levels = {f"{rate.level * 100:g}%" for rate in report.rates.values()}
    methods = {METHODS.get(rate.method, rate.method) for rate in report.rates.values()}
    return {
        "settings": settings, "facts": facts, "manifest": manifest, "report": report, "curation": curation,
        "before": material.before, "effect": material.effect, "repo": repo, "tag": tag, "title": title,
        "plot": PLOT, "configs": ABOUT_CONFIGS, "most": MOST_ROWS,
        "headlines": _headlines(report), "shown": shown_rates(report, material.before),
        "levels": " and ".join(sorted(levels)), "methods": ", ".join(sorted(methods)),
        "references": _say_references(report),
        "warnings": [_hide_path(said, report) for said in report.warnings],
        "columns": {config: _tabulate_columns(config) for config in manifest.configs},
        "example": _example(facts.example), "prompts": list(_prompts(facts)),
        "decisions": sorted(facts.decisions.items(), key=lambda item: (item[0][0], -item[1])),
        "lengths": {name: round(n / max(facts.n_rows, 1)) for name, n in facts.n_chars.items()},
        "contamination": _say_contamination(curation), "sources": list(_sources(facts, settings)),
        "terms": list(_terms(facts, settings)), "citation": _cite(settings, title, repo),
    }


def _headlines(report: AuditReport) -> list[str]:
    """The rates of wrong verdicts and false claims as sentences; of the first by the consensus too."""
    said = [headline(report.rates.get(HEADLINE))]
    by_consensus = report.rates.get(BY_CONSENSUS)
    if by_consensus and by_consensus.n_decided and report.suspect_references:
        said.append(f"With the consensus answer in place of suspect references: {headline(by_consensus)}")
    claims = report.rates.get(CLAIMS)
    return said + ([headline(claims, CLAIMS)] if claims and claims.n_decided else [])


def _say_references(report: AuditReport) -> str:
    return "one answer for all rows" if report.references.startswith("--") else report.references


def _hide_path(said: str, report: AuditReport) -> str:
    """A sentence of the report, with the source by its public name."""
    return said.replace(report.source, public_name(report.source) or "")


def _say_rate(rate: Rate | None) -> str:
    if rate is None or rate.rate is None:
        return "not measured" if rate is None else "nothing could be decided"
    return f"{rate.n_hits:,} of {rate.n_decided:,} ({percent(rate.rate)}, {interval(rate)})"


def _tabulate_columns(config: str) -> str:
    """Name, type and meaning of each column of a config; of dropped those that cft has not."""
    features, lines = features_of(config), ["| column | type | what it is |", "|---|---|---|"]
    for name, field in CONFIGS[config].model_fields.items():
        if config != "dropped" or name not in CftRow.model_fields:
            about = " ".join((field.description or "").split()).replace("|", r"\|")
            lines.append(f"| `{name}` | {_say_type(features[name])} | {about} |")
    return "\n".join(lines)


def _say_type(feature: Any) -> str:
    inner = getattr(feature, "feature", None)
    if inner is not None:
        return f"list of {_say_type(inner)}"
    return "object" if isinstance(feature, Mapping) else str(feature.dtype)


def _example(row: CftRow | None) -> str:
    """The row as JSON in a code block that no text of it can end; long texts are cut."""
    if row is None:
        return ""
    shown = {name: _cut(value) for name, value in row.model_dump(mode="json").items()}
    return _fence(json.dumps(shown, ensure_ascii=False, indent=2).replace("<", "\\u003c"), "json")


def _fence(text: str, language: str = "") -> str:
    """The text as a code block that nothing in it can end."""
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{ticks}{language}\n{text.strip()}\n{ticks}"


def _cut(value: Any) -> Any:
    if isinstance(value, list):
        return [_cut(one) for one in value[:3]] + (["…"] if len(value) > 3 else [])
    return value[:1_500] + "…" if isinstance(value, str) and len(value) > 1_500 else value


def _prompts(facts: Facts) -> Iterator[tuple[str, Prompt]]:
    """Reference and template of each prompt that was asked with and is in the package, still the same."""
    known = {name_content(name, prompt): prompt for name, prompt in list_prompts().items()}
    refs = [ref for _, ref, _ in facts.critics] + [ref for _, ref in facts.students]
    yield from ((ref, known[ref]) for ref in dict.fromkeys(refs) if ref in known)


def _say_contamination(curation: Mapping[str, Any] | None) -> str:
    """What was checked against evaluation sets."""
    found = (curation or {}).get("contamination")
    if not found:
        return "Not checked: no evaluation set was given to check against."
    return "\n".join(f"- {escape_markdown(name.replace('_', ' '))}: {escape_markdown(_say(value))}"
                     for name, value in found.items())


def _say(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{public_name(str(name))}: {_say(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_say(one) for one in value)
    return str(public_name(value) if isinstance(value, str) else value)


def _sources(facts: Facts, settings: CardSettings) -> Iterator[tuple[str | None, str | None, int]]:
    for (source, licence), n in facts.sources.most_common(MOST_ROWS):
        yield source, licence or settings.source_licences.get(source or ""), n


def _terms(facts: Facts, settings: CardSettings) -> Iterator[tuple[str | None, str | None, str | None]]:
    """Model, what its terms say, and where; critics first."""
    models = [model for model, *_ in facts.critics] + [model for model, _ in facts.students]
    for model in list(dict.fromkeys(models))[:MOST_ROWS]:
        known = find_terms(model or "")
        if model in settings.model_terms:
            yield model, settings.model_terms[model], None
        else:
            yield model, f"{known.provider}: {known.said}" if known else None, known.link if known else None


def _cite(settings: CardSettings, title: str, repo: str) -> str:
    if settings.citation:
        return settings.citation.strip()
    key = re.sub(r"\W+", "-", repo.lower()).strip("-")
    fields = {"title": title, "author": " and ".join(settings.authors) or repo.partition("/")[0],
              "howpublished": f"\\url{{{settings.homepage or f'https://huggingface.co/datasets/{repo}'}}}"}
    lines = (f"  {name} = {{{value}}}," for name, value in fields.items())
    return "\n".join([f"@misc{{{key},", *lines, "}"])


def _list_changes(manifest: Manifest, settings: CardSettings, tag: str | None, old: str | None) -> list[str]:
    """The changelog's lines: one for this tag, and before it those of the old card."""
    was = read(old).get("changelog")
    lines = [line[2:].strip() for line in was.text.splitlines() if line.startswith("- ")] if was else []
    if tag is None:
        return lines
    n_rows = sum(split.n_rows for split in manifest.configs["cft"].values())
    said = f"**{escape_markdown(tag)}**: {n_rows:,} critiques."
    new = " ".join([said, " ".join((settings.changelog or "").split())]).strip()
    return [new, *(line for line in lines if not line.startswith(f"**{escape_markdown(tag)}**:"))]
