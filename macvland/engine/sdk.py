"""The Docker SDK's client, speaking over our own connections. Import it late: it brings `docker` and `requests`."""

from io import BytesIO
from typing import Any

from docker import APIClient
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from macvland.engine.connection import ask


class _Adapter(BaseAdapter):
    """Carry each of the SDK's requests as one request of ours."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        """Ask Docker; the deadline is ours, whatever the SDK says."""
        method, url = str(request.method), str(request.path_url)
        headers = {name: str(value) for name, value in request.headers.items()}
        answer = ask(self._path, method, url, body=request.body, headers=headers)
        response = Response()
        response.request, response.url = request, url
        response.status_code, response.encoding = answer.status, "utf-8"
        response.headers = CaseInsensitiveDict(answer.headers)
        response.raw = BytesIO(answer.body)
        return response

    def close(self) -> None:
        """Close nothing: no connection outlives its request."""


def client_for(path: str, api: str) -> Any:
    """Return the SDK's low-level client for the engine at *path*, speaking API version *api*."""
    client = APIClient(base_url=f"unix://{path}", version=api)
    client.mount("http+docker://", _Adapter(path))
    client.trust_env = False  # proxies and ~/.netrc have no say over a unix socket
    client.max_redirects = 0
    return client
