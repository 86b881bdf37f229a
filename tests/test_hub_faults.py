from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from cftdata.errors import (
    HubError,
    HubGaveUp,
    HubRefused,
    HubUnreachable,
    RepoMalformed,
    RightsMissing,
    TagTaken,
    TokenMissing,
)
from cftdata.hub_faults import Moved, Patience, retrying, wait_for
from cftdata.hub_repo import check_repo_name, check_tag

SHORT = Patience(n_tries=3, first_wait_s=0, longest_wait_s=0)


def answer(status: int, said: str = "no", **headers: str) -> HfHubHTTPError:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    response = httpx2.Response(status, headers=named, request=httpx2.Request("POST", "https://hub.example/api"))
    return HfHubHTTPError(said, response=response, server_message=said)


def failing(*faults: Exception) -> tuple[Callable[[], str], list[int]]:
    """A step that raises these one after the other and then gives "done"; and the tries so far."""
    left, tries = list(faults), list[int]()

    def step() -> str:
        tries.append(1)
        if left:
            raise left.pop(0)
        return "done"

    return step, tries


@pytest.mark.parametrize("fault", [
    *map(answer, (408, 409, 412, 425, 429, 500, 502, 503, 504)), Moved("moved"), httpx2.ReadError("broken"),
    httpx2.RemoteProtocolError("half"), httpx2.ConnectError("refused"), httpx2.ReadTimeout("slow"),
    ConnectionResetError("reset"), json.JSONDecodeError("cut", "", 0)])
def test_what_may_pass_is_tried_again(fault: Exception) -> None:
    step, tries = failing(fault, fault)
    assert retrying("doing it", step, SHORT) == "done"
    assert len(tries) == 3


def test_a_fault_within_the_clients_own_is_known_by_its_cause() -> None:
    def step() -> None:
        try:
            raise answer(503)
        except HfHubHTTPError as fault:
            raise RuntimeError("Error while uploading 'cft/train.parquet' to the Hub.") from fault

    with pytest.raises(HubGaveUp, match="gave up after 3 tries"):
        retrying("committing", step, SHORT)


@pytest.mark.parametrize(("fault", "kind", "said"), [
    (answer(401), TokenMissing, "does not know the token"),
    (answer(403, "you may not"), RightsMissing, "may not do this .* 403: you may not"),
    (answer(400, "bad card"), HubRefused, "refuses .doing it: 400: bad card"),
    (answer(404), HubRefused, "404"), (answer(413), HubRefused, "413"),
    (ValueError("Invalid metadata in README.md"), HubRefused, "Invalid metadata"),
    (httpx2.UnsupportedProtocol("no http://"), HubUnreachable, "check the network and HF_ENDPOINT"),
    (OfflineModeIsEnabled("offline"), HubUnreachable, "HF_HUB_OFFLINE is set")])
def test_what_would_fail_again_is_told_at_once(fault: Exception, kind: type[HubError], said: str) -> None:
    step, tries = failing(fault, fault)
    with pytest.raises(kind, match=said):
        retrying("doing it", step, SHORT)
    assert len(tries) == 1


def test_a_fault_of_ours_goes_through_as_it_is() -> None:
    step, tries = failing(TagTaken("it stands"))
    with pytest.raises(TagTaken, match=r"^it stands$"):
        retrying("setting the tag", step, SHORT)
    assert len(tries) == 1


def test_no_network_fails_the_first_call_at_once_and_a_later_one_after_all_tries() -> None:
    refused = httpx2.ConnectError("Connection refused")
    step, tries = failing(*[refused] * 9)
    with pytest.raises(HubUnreachable, match=r"cannot be reached .*Connection refused"):
        retrying("asking who we are", step, SHORT, is_first=True)
    assert len(tries) == 1
    step, tries = failing(*[refused] * 9)
    with pytest.raises(HubUnreachable):
        retrying("committing", step, SHORT)
    assert len(tries) == 3


def test_retry_after_is_honoured_in_seconds_and_as_a_date() -> None:
    assert wait_for(answer(429, Retry_After="7"), Patience()) == 7
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 90 < wait_for(answer(503, Retry_After=moment), Patience()) <= 100
    assert wait_for(answer(429, Retry_After="soon"), Patience()) is True
    assert wait_for(answer(429, Retry_After="0"), Patience()) > 0, "0 would be False to stamina"


def test_a_wait_that_is_too_long_is_not_waited_for() -> None:
    step, tries = failing(*[answer(429, "quota", Retry_After="4000")] * 3)
    with pytest.raises(HubGaveUp, match="asks to wait 4,000 s"):
        retrying("committing", step, SHORT)
    assert len(tries) == 1


def test_every_further_try_is_told_of() -> None:
    step, _ = failing(*[answer(503, "busy")] * 3)
    told: list[str] = []
    with pytest.raises(HubGaveUp, match=r"^gave up after 3 tries \(committing: 503: busy\); what was there"):
        retrying("committing", step, SHORT, say=told.append)
    assert told == ["committing: 503: busy; trying again"] * 2


def test_no_sentence_holds_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    token = "hf_" + "planted0" * 5
    monkeypatch.setenv("HF_TOKEN", token)
    for status in (400, 403, 503):
        step, _ = failing(*[answer(status, f"the token {token} is not liked")] * 3)
        with pytest.raises(HubError) as raised:
            retrying("committing", step, SHORT)
        assert token not in str(raised.value)


@pytest.mark.parametrize("name", ["acme", "acme/", "/x", "a/b/c", "acme/..x", "acme/x--y", "acme/x.git",
                                  "acme/ü", "acme/x y", "", "acme/" + "x" * 100])
def test_a_malformed_name_is_one_sentence(name: str) -> None:
    with pytest.raises(RepoMalformed, match="is no name of a dataset"):
        check_repo_name(name)


@pytest.mark.parametrize("tag", ["main", "v1..2", "v1.", "-v1", "v 1", "v1/2", "a" * 40, "0123456", "x.lock",
                                 "", "v1\n", "../x"])
def test_a_malformed_tag_is_one_sentence(tag: str) -> None:
    with pytest.raises(RepoMalformed, match="cannot be a tag"):
        check_tag(tag)


@pytest.mark.parametrize("tag", ["v1.0.0", "2026-01-02", "v1.0.0-rc.1", "first_release"])
def test_a_tag_is_taken_as_it_is(tag: str) -> None:
    assert check_tag(tag) == tag
