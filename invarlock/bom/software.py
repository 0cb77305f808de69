"""The bill of materials of the software that ran inside the boundaries.

What is installed is the host's word. All else follows from the report and the runtime manifest,
so that a verifier builds the document again from the list of what is installed, and compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from invarlock.bom.document import Version, bom, hashes, properties
from invarlock.bom.environment import Environment, Installed, normalised
from invarlock.canonical import Json
from invarlock.evidence.schema import ARMS
from invarlock.security.manifest import RuntimeManifest, Tool

_PYTHON = "python"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a report and a manifest say of the software.

    ``packages`` are the versions that the boundary told, of what can change a number; ``tools``
    made its boundaries; ``created`` as in the report; ``tool`` is the version of this package.
    """

    created: str
    tool: str
    packages: Mapping[str, str]
    tools: tuple[Tool, ...]


def tools_of(manifest: RuntimeManifest) -> tuple[Tool, ...]:
    """What made the boundaries, by kernel and sandbox, each once."""
    every = {
        (one.tool.kernel, one.tool.bwrap_version or "", one.tool.bwrap_sha256 or ""): one.tool
        for arm in ARMS
        for one in manifest.arms[arm]
    }
    return tuple(every[key] for key in sorted(every))


def sbom_of(ran: Ran, environment: Environment, version: Version) -> dict[str, Json]:
    """The software bill. Where the boundary told another version than is installed, it is right."""
    found = _told(ran, environment)
    components = [_library(one, ran.packages) for one in found.installed]
    components += _host(ran.tools)
    interpreter: dict[str, Json] = {
        "bom-ref": _PYTHON,
        "type": "platform",
        "name": _PYTHON,
        "version": found.python,
        "properties": properties(role="interpreter of every boundary"),
    }
    if found.interpreter is not None:
        interpreter["hashes"] = hashes(found.interpreter)
    return bom(
        version,
        created=ran.created,
        tool=ran.tool,
        component=interpreter,
        components=components,
        dependencies=(),
    )


def environment_of(document: Json) -> Environment:
    """What is installed by a software bill, which may be anybody's: whatever does not read as the
    bills written here is left out, and missed when the bill is built again."""
    metadata = _at(document, "metadata")
    python = _at(metadata, "component")
    every = _at(document, "components")
    listed = every if isinstance(every, list) else []
    installed = [_installed(one) for one in listed if _at(one, "type") == "library"]
    return Environment(
        python=str(_at(python, "version")),
        interpreter=_hash(python),
        installed=tuple(sorted(installed, key=lambda one: one.name)),
    )


def _told(ran: Ran, environment: Environment) -> Environment:
    """``environment`` with the versions that the boundary told."""
    found = {one.name: one for one in environment.installed}
    for name, version in ran.packages.items():
        key = normalised(name)
        if name != _PYTHON and (key not in found or found[key].version != version):
            found[key] = Installed(key, version, None)
    python = ran.packages.get(_PYTHON, environment.python)
    ordered = tuple(found[name] for name in sorted(found))
    return replace(environment, python=python, installed=ordered)


def _library(one: Installed, packages: Mapping[str, str]) -> Json:
    ref = f"pkg:pypi/{quote(one.name)}@{quote(one.version)}"
    component: dict[str, Json] = {
        "bom-ref": ref,
        "type": "library",
        "name": one.name,
        "version": one.version,
        "purl": ref,
    }
    if one.name in {normalised(name) for name in packages}:
        component["properties"] = properties(role="named by the boundary itself")
    if one.record is not None:
        record: Json = {
            "bom-ref": f"{ref}#RECORD",
            "type": "file",
            "name": "RECORD",
            "hashes": hashes(one.record),
        }
        component["components"] = [record]
    return component


def _host(tools: Iterable[Tool]) -> list[Json]:
    """Kernels, and sandboxes by version and digest."""
    found: dict[str, Json] = {}
    for tool in tools:
        kernel = f"linux@{tool.kernel}"
        found[kernel] = {
            "bom-ref": kernel,
            "type": "operating-system",
            "name": "linux",
            "version": tool.kernel,
        }
        if tool.bwrap_version is None or tool.bwrap_sha256 is None:
            continue
        ref = f"bubblewrap@{tool.bwrap_version}#{tool.bwrap_sha256}"
        found[ref] = {
            "bom-ref": ref,
            "type": "application",
            "name": "bubblewrap",
            "version": tool.bwrap_version,
            "hashes": hashes(tool.bwrap_sha256),
        }
    return [found[ref] for ref in sorted(found)]


def _installed(component: Json) -> Installed:
    nested = _at(component, "components")
    record = nested[0] if isinstance(nested, list) and nested else None
    return Installed(
        name=str(_at(component, "name")),
        version=str(_at(component, "version")),
        record=_hash(record),
    )


def _hash(component: Json) -> str | None:
    found = _at(component, "hashes")
    content = _at(found[0], "content") if isinstance(found, list) and found else None
    return f"sha256:{content}" if isinstance(content, str) else None


def _at(node: Json, key: str) -> Json:
    return node.get(key) if isinstance(node, dict) else None
