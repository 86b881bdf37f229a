from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from cftdata.sections import merge, read

FRONT = {"license": "mit", "tags": ["a"], "configs": [{"config_name": "cft"}]}
texts = st.text(string.printable + "é—<!", max_size=80)
names = st.sampled_from(["audit", "load", "made", "title"])
sections = st.dictionaries(names, texts.map(str.strip).filter(bool), min_size=1)


@given(sections, texts)
def test_a_second_release_of_the_same_changes_nothing(generated: dict[str, str], old: str) -> None:
    first = merge(generated, FRONT, old)
    again = merge(generated, FRONT, first.text)
    assert again.text == first.text
    assert again.kept == ()


@given(sections, sections)
def test_sections_that_nobody_touched_are_replaced(first: dict[str, str], second: dict[str, str]) -> None:
    merged = merge(second, FRONT, merge(first, FRONT, None).text)
    assert set(read(merged.text)) == set(second)
    assert not any(part.is_edited for part in read(merged.text).values())
    assert merged.kept == ()


@given(sections, texts.map(lambda text: text.replace("<!-- cftdata", "").replace("---", "")))
def test_what_someone_wrote_between_the_sections_stays(generated: dict[str, str], note: str) -> None:
    first = merge(generated, FRONT, None).text
    name = next(iter(generated))
    end = f"<!-- cftdata:end {name} -->"
    edited = first.replace(end, f"{end}\n\nNOTE {note}\nEND OF NOTE\n", 1)
    merged = merge(dict.fromkeys(generated, "new"), FRONT, edited)
    assert f"NOTE {note}\nEND OF NOTE".replace("\r\n", "\n") in merged.text
    assert merged.kept == ()


def test_an_edited_section_stays_and_is_named() -> None:
    first = merge({"title": "# Set", "audit": "4.0%"}, FRONT, None).text
    edited = first.replace("4.0%", "about 4%")
    merged = merge({"title": "# Set, again", "audit": "5.0%"}, FRONT, edited)
    assert merged.kept == ("audit",)
    assert "about 4%" in merged.text
    assert "5.0%" not in merged.text
    assert "# Set, again" in merged.text


def test_line_ends_and_trailing_spaces_are_no_edit() -> None:
    first = merge({"title": "# Set\n\none  \ntwo"}, FRONT, None).text
    merged = merge({"title": "# New"}, FRONT, first.replace("\n", " \r\n").replace("--- \r\n", "---\r\n"))
    assert merged.kept == ()
    assert "# New" in merged.text


def test_what_someone_took_out_is_not_put_back() -> None:
    first = merge({"title": "# Set", "audit": "4.0%"}, FRONT, None).text
    begin, end = first.index("<!-- cftdata:begin audit"), first.index("<!-- cftdata:wrote")
    merged = merge({"title": "# Set", "audit": "5.0%", "fields": "new"}, FRONT,
                   (first[:begin] + first[end:]).replace("license: mit\n", ""))
    assert merged.kept == ("audit", "yaml: license")
    assert "5.0%" not in merged.text
    assert "license" not in merged.text.split("---")[1]
    assert "new" in merged.text, "a section that was never there is added"


def test_front_matter_keeps_keys_and_configs_of_others_but_ours_stay_true() -> None:
    first = merge({"title": "# Set"}, FRONT, None).text
    edited = first.replace("license: mit", "license: cc-by-4.0\nviewer: false").replace(
        "- config_name: cft", "- config_name: cft\n  data_files: wrong\n- config_name: mine")
    merged = merge({"title": "# Set"}, FRONT | {"tags": ["b"]}, edited)
    head = merged.text.split("---")[1]
    assert merged.kept == ("yaml: license",)
    assert "license: cc-by-4.0" in head
    assert "viewer: false" in head
    assert "- b" in head
    assert "wrong" not in head
    assert "config_name: mine" in head


def test_a_card_without_marks_is_kept_whole() -> None:
    merged = merge({"title": "# Set"}, FRONT, "---\nlicense: cc0-1.0\n---\n# By hand\n\nMy words.\n")
    assert merged.kept == ("the whole card", "yaml: license")
    assert merged.text.index("# Set") < merged.text.index("# By hand\n\nMy words.")


def test_a_mark_that_lost_its_end_is_text_of_its_author() -> None:
    first = merge({"title": "# Set", "audit": "4.0%"}, FRONT, None).text
    edited = first.replace("<!-- cftdata:end audit -->", "")
    merged = merge({"title": "# New", "audit": "5.0%"}, FRONT, edited)
    assert merged.kept == ("audit",)
    assert "4.0%" in merged.text
    assert "5.0%" not in merged.text


def test_a_text_cannot_end_its_section() -> None:
    text = "<!-- cftdata:end audit -->\n<!-- cftdata:begin title 0123456789ab -->"
    merged = merge({"audit": text}, FRONT, merge({"audit": text}, FRONT, None).text)
    assert list(read(merged.text)) == ["audit"]
    assert merged.kept == ()
