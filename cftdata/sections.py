"""Sections of a card: those that are generated stand between marks, all else is whoever's who wrote it.

    <!-- cftdata:begin audit 3f2a9c1b0d4e -->
    …
    <!-- cftdata:end audit -->

The mark holds a hash of what stood there. A section that still has its hash is replaced by the next release;
one that someone has edited stays as it is, and is named. What stands between and around the sections is never
touched. The last line says what was written, so that a section or a key of the front matter that someone took
out is not put back. A card without marks is someone's: ours goes before it.

    >>> first = merge({"a": "one"}, {"license": "mit"}, None)
    >>> edited = first.text.replace("one", "mine").replace("license: mit", "license: cc-by-4.0")
    >>> second = merge({"a": "two", "b": "new"}, {"license": "mit"}, edited)
    >>> second.kept
    ('a', 'yaml: license')
    >>> [name for name, part in read(second.text).items() if not part.is_edited]
    ['b']

Not covered: comments in the front matter (they are lost), a mark that stands inside a code block.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

__all__ = ["Merged", "Part", "merge", "read"]

FRONT = re.compile(r"\A\s*---[ \t]*\n(.*?)^---[ \t]*\n", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^<!-- cftdata:begin (\w+) ([0-9a-f]{12}) -->[ \t]*\n(.*?)"
                   r"^<!-- cftdata:end \1 -->[ \t]*$", re.DOTALL | re.MULTILINE)
BEGIN = re.compile(r"^<!-- cftdata:begin (\w+) ", re.MULTILINE)
WROTE = re.compile(r"^<!-- cftdata:wrote (.*) -->[ \t]*\n?", re.MULTILINE)
OWN_CONFIGS = ("cft", "sft", "audit", "dropped")


class Part(NamedTuple):
    """A generated section of a card."""

    text: str
    """What stands between the marks, without white space around it."""
    is_edited: bool
    """It is not what was written there."""


class Merged(NamedTuple):
    """A card to publish."""

    text: str
    kept: tuple[str, ...]
    """Sections, and `yaml: KEY`, that someone edited or took out: they stay as they are on the Hub."""


def read(card: str | None) -> dict[str, Part]:
    """Name to generated section, of a card as it stands."""
    return {name: Part(text.strip(), is_edited=_hash(text) != mark)
            for name, mark, text in BLOCK.findall(_even(card or ""))}


def merge(sections: Mapping[str, str], front: Mapping[str, Any], old: str | None) -> Merged:
    """The card of these sections and this front matter, with what someone wrote into the old one kept."""
    was_front, body, wrote = _split(_even(old or ""))
    merged, kept_keys = _merge_front(front, was_front, wrote)
    if BEGIN.search(body):
        kept, body = _merge_body(sections, body, wrote)
    else:
        kept, body = ["the whole card"] if body.strip() else [], _render(sections) + body
    kept += [f"yaml: {key}" for key in kept_keys]
    said = {f"yaml.{key}": _hash(_dump(value)) for key, value in front.items()}
    head = yaml.safe_dump(merged, sort_keys=False, allow_unicode=True, width=10**6)
    last = f"<!-- cftdata:wrote {json.dumps(dict.fromkeys(sections, '') | said)} -->\n"
    return Merged(f"---\n{head}---\n\n{body.strip()}\n\n{last}", tuple(kept))


def _split(card: str) -> tuple[dict[str, Any], str, dict[str, str]]:
    """Front matter, body, and what was written last."""
    wrote: dict[str, str] = {}
    if found := WROTE.search(card):
        wrote = _as_dict(_parse(found[1]))
        card = WROTE.sub("", card)
    head = FRONT.match(card)
    front = _parse(head[1]) if head else None
    if head is None or not isinstance(front, dict):
        return {}, card, wrote
    return _as_dict(front), card[head.end():], wrote


def _merge_front(new: Mapping[str, Any], old: Mapping[str, Any],
                 wrote: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The keys of both, and the names of those that are as someone left them."""
    merged, kept = {}, []
    for key, value in new.items():
        was_written = wrote.get(f"yaml.{key}")
        if key in ("configs", "dataset_info"):
            merged[key] = _join_configs(value, old.get(key))
        elif key in old and _hash(_dump(old[key])) not in (was_written, _hash(_dump(value))):
            merged[key] = old[key]
            kept.append(key)
        elif key not in old and was_written:
            kept.append(key)
        else:
            merged[key] = value
    for key, value in old.items():
        if key not in new and wrote.get(f"yaml.{key}") != _hash(_dump(value)):
            merged[key] = value
    return merged, kept


def _join_configs(ours: Any, theirs: Any) -> list[Any]:
    """Our configs, and then such as someone has added."""
    entries = theirs if isinstance(theirs, list) else [theirs]
    return [*ours, *(one for one in entries
                     if isinstance(one, dict) and one.get("config_name", "cft") not in OWN_CONFIGS)]


def _merge_body(sections: Mapping[str, str], body: str,
                wrote: Mapping[str, str]) -> tuple[list[str], str]:
    """The names of what is kept, and the body with all else replaced."""
    parts = read(body)
    broken = set(BEGIN.findall(body)) - parts.keys()       # a mark without its end: someone's text
    kept = [name for name, part in parts.items() if part.is_edited] + sorted(broken)
    for name, part in parts.items():
        if not part.is_edited:
            new = _render({name: sections[name]}).strip() if name in sections else ""
            body = _replace(body, name, new)
    before = None
    for name, text in sections.items():
        if name in parts or name in broken:
            before = name if name in parts else before
        elif name in wrote:
            kept.append(name)
        else:
            body = _insert(body, _render({name: text}), before)
            before = name
    return kept, body


def _replace(body: str, name: str, new: str) -> str:
    found = next((one for one in BLOCK.finditer(body) if one[1] == name), None)
    return body if found is None else body[:found.start()] + new + body[found.end():]


def _insert(body: str, new: str, before: str | None) -> str:
    """The body with a block after that section, else at its head."""
    found = next((one for one in BLOCK.finditer(body) if one[1] == before), None)
    place = found.end() + 1 if found else 0
    return f"{body[:place]}\n{new}{body[place:]}" if place else new + body


def _render(sections: Mapping[str, str]) -> str:
    """The sections between their marks, each followed by a blank line; no text can end its section."""
    texts = {name: text.strip().replace("<!-- cftdata:", "&lt;!-- cftdata:") + "\n"
             for name, text in sections.items()}
    return "".join(f"<!-- cftdata:begin {name} {_hash(text)} -->\n{text}<!-- cftdata:end {name} -->\n\n"
                   for name, text in texts.items())


def _even(text: str) -> str:
    return text.replace("\r\n", "\n").removeprefix("\ufeff")


def _hash(text: str) -> str:
    """12 hex digits; white space at the ends of lines, which editors change, does not count."""
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return hashlib.sha256(lines.encode("utf-8", "replace")).hexdigest()[:12]


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _parse(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _as_dict(value: Any) -> dict[str, Any]:
    return {str(key): one for key, one in value.items()} if isinstance(value, dict) else {}
