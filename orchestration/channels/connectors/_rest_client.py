"""The connection to a REST API: pages of items, retries, and each failure as one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from orchestration.channels.catalog import EndpointStream, RestApiSystem
from orchestration.channels.errors import ChannelError, causes

if TYPE_CHECKING:
    import requests

_REQUEST_SECONDS = (10.0, 60.0)  # to connect, to wait for an answer
_ATTEMPTS = 5
_LONGEST_WAIT_SECONDS = 60.0  # between two attempts, whatever Retry-After says
# More answers in a row without a new item are no coincidence: the paginator never ends.
_MOST_PAGES_WITHOUT_NEW_ITEMS = 20


class PageCounter:
    """Counts answers without a new item, so that a paginator that never ends is an error and not an endless loop."""

    def __init__(self, where: str, catalog_file: str) -> None:
        self._where = where
        self._catalog_file = catalog_file
        self._without_new_items = 0

    def count_new_item(self) -> None:
        """A new item has come: the paginator makes progress."""
        self._without_new_items = 0

    def count_answer(self) -> None:
        """An answer has come. Raises ChannelError after too many without a new item."""
        self._without_new_items += 1
        if self._without_new_items > _MOST_PAGES_WITHOUT_NEW_ITEMS:
            raise ChannelError(
                f"{self._where} repeats the same items and does not end; correct `paginator` in {self._catalog_file}"
            )


def items_of(
    system: RestApiSystem, stream: EndpointStream, since: Any, where: str, pages: PageCounter
) -> Iterator[dict[str, Any]]:
    """The items of an endpoint, page by page. since: value for `cursor_param`, if any. Raises ChannelError."""
    import requests
    from dlt.common.configuration.exceptions import ConfigurationException
    from dlt.common.exceptions import DltException
    from dlt.sources.rest_api import rest_api_resources
    from jsonpath_ng.exceptions import JSONPathError

    params = dict(stream.params)
    if stream.cursor_param and since is not None:
        params[stream.cursor_param] = since
    endpoint: dict[str, Any] = {"path": stream.path, "params": params}
    if stream.data_selector:
        endpoint["data_selector"] = stream.data_selector
    if stream.paginator:
        endpoint["paginator"] = stream.paginator if isinstance(stream.paginator, str) else dict(stream.paginator)
    client: dict[str, Any] = {"base_url": system.base_url, "session": _session(pages)}
    if system.token is not None:
        client["auth"] = {"type": "bearer", "token": system.token.get_secret_value()}
    try:
        (resource,) = rest_api_resources(
            {"client": client, "resources": [{"name": stream.name, "endpoint": endpoint}]}  # type: ignore[typeddict-item, list-item]
        )
    except (ConfigurationException, DltException, JSONPathError, ValueError, TypeError) as error:
        raise ChannelError(
            f"{where}: dlt does not understand `paginator`, `params` or `data_selector`; correct them in "
            f"{system.catalog_file.name}"
        ) from error
    try:
        for item in resource:
            if not isinstance(item, dict):
                raise ChannelError(
                    f"{where} delivers items that are not JSON objects; correct `data_selector` in "
                    f"{system.catalog_file.name}"
                )
            yield item
    except (DltException, requests.RequestException) as error:
        raise _explained(error, system, where) from error


def _session(pages: PageCounter) -> requests.Session:
    import requests
    from dlt.sources.helpers.requests import Client
    from requests.adapters import HTTPAdapter

    class CountedAnswers(HTTPAdapter):
        def send(self, *arguments: Any, **options: Any) -> requests.Response:
            answer = super().send(*arguments, **options)
            if answer.ok:
                pages.count_answer()
            return answer

    session = Client(
        request_timeout=_REQUEST_SECONDS,
        raise_for_status=False,
        # ChunkedEncodingError: the server closed the connection in the middle of an answer.
        exceptions=(requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError),
        request_max_attempts=_ATTEMPTS,
        request_backoff_factor=0.5,
        request_max_retry_delay=_LONGEST_WAIT_SECONDS,
    ).session
    for scheme in ("http://", "https://"):
        session.mount(scheme, CountedAnswers())
    return session


def _explained(error: Exception, system: RestApiSystem, where: str) -> ChannelError:
    import requests

    for cause in causes(error):
        if isinstance(cause, ChannelError):
            return cause
        if isinstance(cause, requests.HTTPError) and cause.response is not None:
            status = cause.response.status_code
            if status in (401, 403):
                return ChannelError(
                    f"{where}: the server rejects the token (HTTP {status}); renew {system.field_to_renew('token')}"
                )
            if status == 404:
                return ChannelError(
                    f"{where} does not exist on the server (HTTP 404); correct `path` in {system.catalog_file.name}"
                )
            if status == 429 or status >= 500:
                return ChannelError(
                    f"{where}: the server still answers HTTP {status} after {_ATTEMPTS} attempts; run again later", True
                )
            return ChannelError(
                f"{where}: the server rejects the request (HTTP {status}); correct `params` in "
                f"{system.catalog_file.name}"
            )
        if isinstance(cause, (requests.JSONDecodeError, json.JSONDecodeError)):
            return ChannelError(f"{where} does not answer with JSON; correct `path` in {system.catalog_file.name}")
        if isinstance(cause, (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)):
            return ChannelError(
                f"{where}: the server does not answer; run again later, or correct {system.field_to_renew('base_url')}",
                transient=True,
            )
    return ChannelError(f"{where} cannot be read ({type(error).__name__}); correct it in {system.catalog_file.name}")
