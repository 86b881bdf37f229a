"""Lengths: which limit is broken, by a tokenizer or by the estimate."""

from pathlib import Path

import pytest

from cftdata.errors import ConfigError
from cftdata.lengths import Counts, Lengths, Limits, check, count, estimate_tokens, make_counter
from cftdata.sample import Query, Response, Sample


def test_each_part_and_the_whole_have_limits() -> None:
    counts = Counts(10, 20, 30)
    assert check(counts, Lengths()) is None
    assert check(counts, Lengths(max_tokens=60)) is None
    whole, part = check(counts, Lengths(max_tokens=59)), check(counts, Lengths(query=Limits(max_tokens=9)))
    assert whole is not None
    assert part is not None
    assert (whole.reason, part.reason) == ("too_long", "too_long")
    short = check(counts, Lengths(critique=Limits(min_tokens=31)))
    assert short is not None
    assert short.reason == "too_short"
    assert "critique" in short.detail


def test_a_part_that_is_not_there_has_no_tokens() -> None:
    sample = Sample.of(Query(text="four"), Response(text="eight ch"))
    assert count(sample, make_counter(None)) == (1, 2, 0)
    assert estimate_tokens("") == 0
    assert estimate_tokens("日本") == 2


def test_a_tokenizer_is_read_from_its_file(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    assert make_counter(str(tmp_path))("a b a c") == 4
    with pytest.raises(ConfigError, match=r"tokenizer\.json"):
        make_counter(str(tmp_path / "none"))
