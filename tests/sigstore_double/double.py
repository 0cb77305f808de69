"""All services together."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

from tests.sigstore_double.faults import Faults
from tests.sigstore_double.fulcio import Fulcio
from tests.sigstore_double.rekor import RekorV1, RekorV2
from tests.sigstore_double.server import serve
from tests.sigstore_double.timestamps import TimestampAuthority
from tests.sigstore_double.tokens import GitHub, person, token
from tests.sigstore_double.trust import trust_config, trusted_root


class SigstoreDouble:
    """A Sigstore that lives as long as its ``with`` block.

    Attributes:
        url: where it answers.
        faults: how it misbehaves from now on.
        ambient, personal: the tokens that it gives to a CI job and to who logs in.
    """

    def __init__(self) -> None:
        self.faults = Faults()
        self._server = serve(self)
        host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{host}"
        self.fulcio = Fulcio(self.faults)
        self.rekor_v1 = RekorV1(f"{host}/rekor1", self.faults)
        self.rekor_v2 = RekorV2(f"{host}/rekor2")
        self.tsa = TimestampAuthority(self.faults)
        self.ambient = token(GitHub().claims())
        self.personal = token(person("ada@example.com"))

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def trusted_root(self) -> dict[str, Any]:
        logs = {
            f"{self.url}/rekor1": self.rekor_v1.log,
            f"{self.url}/rekor2": self.rekor_v2.log,
        }
        return trusted_root(self.url, self.fulcio, logs, self.tsa)

    def trust_config(self, rekor: int = 2, *, stamped: bool = True) -> dict[str, Any]:
        """For a client that logs with Rekor v1 or v2, with timestamps or without."""
        urls = {rekor: f"{self.url}/rekor{rekor}"}
        return trust_config(self.url, self.trusted_root, urls, stamped=stamped)

    def write(self, folder: Path, rekor: int = 2, *, stamped: bool = True) -> Path:
        """The trust configuration as a file in ``folder``."""
        path = folder / f"trust-config-v{rekor}{'' if stamped else '-plain'}.json"
        path.write_text(json.dumps(self.trust_config(rekor, stamped=stamped)))
        return path

    def write_root(self, folder: Path) -> Path:
        """The trusted root as a file in ``folder``."""
        path = folder / "trusted-root.json"
        path.write_text(json.dumps(self.trusted_root))
        return path
