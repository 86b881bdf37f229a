"""Faults of the Hub: which may pass and are waited for, and the one sentence of those that do not.

408, 409, 412, 425, 429 and 5xx may pass, and so may a connection that breaks; Retry-After is waited for,
within reason. What huggingface_hub itself would say on standard error is silenced, and no call waits for
ever. No sentence holds a token.

    >>> wait_for(Moved("the head is another"), Patience()), wait_for(ValueError("no card"), Patience())
    (True, False)

Not covered: what huggingface_hub tries again by itself within a call (uploads, downloads).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, TypeVar

from pydantic import Field

from cftdata.endpoint import hide_keys, retry_after_s
from cftdata.errors import (
    ExtraMissing,
    HubError,
    HubGaveUp,
    HubRefused,
    HubUnreachable,
    RightsMissing,
    TokenMissing,
)
from cftdata.sample import Record

__all__ = ["Moved", "Patience", "quiet", "retrying", "tell", "wait_for"]

T = TypeVar("T")
Seconds = Annotated[float, Field(ge=0)]

PASSING = frozenset({408, 409, 412, 425, 429, 500, 502, 503, 504})
TIMEOUTS_S = (10, 120, 120, 120)
"""To connect, to read, to write, to have a connection."""
NOT_ASKED = frozenset({"UnsupportedProtocol", "InvalidURL", "OfflineModeIsEnabled"})
NO_NETWORK = NOT_ASKED | {"ConnectError", "ConnectTimeout"}
"""Names of the faults of the client when it asked nobody, or nobody answers."""


class Patience(Record):
    """How long a busy Hub is waited for."""

    n_tries: Annotated[int, Field(ge=1)] = 10
    """Most tries of one step."""
    first_wait_s: Seconds = 0.5
    """Wait after the first, doubled after each; some chance is added, so that rivals part."""
    longest_wait_s: Seconds = 30.0
    """Most of a wait that the Hub has not asked for."""
    longest_asked_s: Seconds = 300.0
    """Most of a wait that it has asked for (Retry-After); past that it is given up."""


class Moved(Exception):
    """The repository is not as it was looked at; look again."""


@contextmanager
def quiet() -> Iterator[None]:
    """Silences huggingface_hub's own lines and bars, and gives its calls a time limit."""
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
        get_session,
        logging,
    )

    verbosity, had_bars = logging.get_verbosity(), not are_progress_bars_disabled()
    session = get_session()
    timeout = session.timeout
    logging.set_verbosity(logging.CRITICAL)
    disable_progress_bars()
    session.timeout = TIMEOUTS_S
    try:
        yield
    finally:
        session.timeout = timeout
        logging.set_verbosity(verbosity)
        if had_bars:
            enable_progress_bars()


def retrying(what: str, step: Callable[[], T], patience: Patience, *,
             say: Callable[[str], None] | None = None, is_first: bool = False) -> T:
    """What the step gives, tried again while its faults may pass.

    what: what is being done, for the sentence. is_first: of a first call, which no network fails at once.
    Raises HubError and its kinds.
    """
    try:
        import stamina
    except ImportError as fault:
        raise ExtraMissing("publishing", "hub") from fault
    logging.getLogger("stamina").addHandler(logging.NullHandler())  # `say` tells of it
    n_tries = 0

    def judge(fault: Exception) -> bool | float:
        wait = False if is_first and _names(fault) & NO_NETWORK else wait_for(fault, patience)
        if wait is not False and say and n_tries < patience.n_tries:
            say(f"{what}: {_brief(fault)}; trying again")
        return wait

    try:
        for attempt in stamina.retry_context(
                on=judge, attempts=patience.n_tries, timeout=None, wait_initial=patience.first_wait_s,
                wait_max=patience.longest_wait_s, wait_jitter=patience.first_wait_s):
            with attempt, quiet():
                n_tries += 1
                return step()
    except HubError:
        raise
    except Exception as fault:
        raise tell(what, fault, n_tries, patience) from fault
    raise AssertionError("stamina gives an attempt or raises")


def wait_for(fault: BaseException, patience: Patience) -> bool | float:
    """Whether to try again: False, True (after the usual wait), or the seconds that the Hub asks for."""
    if isinstance(fault, HubError):
        return False
    status, headers = _answer(fault)
    if status is None:
        return isinstance(fault, Moved) or (_is_transport(fault) and not _names(fault) & NOT_ASKED)
    if status not in PASSING:
        return False
    asked = retry_after_s(headers)
    if asked is None:
        return True
    return False if asked > patience.longest_asked_s else max(asked, 0.01)


def tell(what: str, fault: Exception, n_tries: int, patience: Patience) -> HubError:
    """The fault as one sentence of ours, without a token in it."""
    status, headers = _answer(fault)
    said, asked = f"{what}: {_brief(fault)}", retry_after_s(headers)
    if "OfflineModeIsEnabled" in _names(fault):
        return HubUnreachable("HF_HUB_OFFLINE is set, so that nothing can be published; unset it")
    if status is None and _names(fault) & NO_NETWORK:
        return HubUnreachable(f"the Hub cannot be reached ({said}); check the network and HF_ENDPOINT, then "
                              "give the same command again")
    if status == 401:
        return TokenMissing("the Hub does not know the token; make a new one and set HF_TOKEN, or log in "
                            "again with: hf auth login")
    if status == 403:
        return RightsMissing(f"the token may not do this ({said}); it needs the right to write there")
    if status in PASSING and asked is not None and asked > patience.longest_asked_s:
        return HubGaveUp(f"the Hub asks to wait {asked:,.0f} s ({said}); give the same command again then")
    if status in PASSING or (status is None and (isinstance(fault, Moved) or _is_transport(fault))):
        tries = "1 try" if n_tries == 1 else f"{n_tries} tries"
        return HubGaveUp(f"gave up after {tries} ({said}); what was there before is whole, and the same "
                         "command goes on")
    return HubRefused(f"the Hub refuses ({said})")


def _chain(fault: BaseException) -> Iterator[BaseException]:
    """The fault, and those it came of."""
    seen: BaseException | None = fault
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _names(fault: BaseException) -> set[str]:
    return {type(one).__name__ for one in _chain(fault)}


def _answer(fault: BaseException) -> tuple[int | None, Mapping[str, str]]:
    """Status and headers of the Hub's answer; None where there was none."""
    response = next((found for one in _chain(fault) if (found := getattr(one, "response", None)) is not None),
                    None)
    return (response.status_code, response.headers) if response is not None else (None, {})


def _is_transport(fault: BaseException) -> bool:
    """A connection that failed or broke off, or a fault of hf_xet, which does not say what it was."""
    return any(isinstance(one, ConnectionError | TimeoutError | json.JSONDecodeError)
               or type(one).__module__.partition(".")[0].startswith(("httpx", "httpcore", "hf_xet"))
               for one in _chain(fault))


def _brief(fault: BaseException) -> str:
    """What the Hub or the fault says, on one line."""
    status, _ = _answer(fault)
    told = next((str(said) for one in _chain(fault) if (said := getattr(one, "server_message", None))), None)
    told = told or _first_line(str(fault)) or type(fault).__name__
    return hide_keys(f"{status}: {told}" if status else told)


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0][:300]
