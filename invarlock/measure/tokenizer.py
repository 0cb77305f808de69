"""The tokenizer of a model folder: ``tokenizer.json`` as it lies there, and what it is made of.

It is run by `tokenizers` directly; no class of the model library rebuilds it. Special tokens are
not added to documents: a window is a run of the text itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from invarlock.canonical import Json, StrictJsonError, digest_json, strict_json
from invarlock.errors import SafetyRefusal
from invarlock.evidence.schema import TokenizerFacts

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Engine

_FILE: Final = "tokenizer.json"
_CONFIG: Final = "tokenizer_config.json"
_TEMPLATE: Final = "chat_template.jinja"
_SPECIALS: Final = "special_tokens_map.json"
_ROLES: Final = (
    "bos_token",
    "cls_token",
    "eos_token",
    "mask_token",
    "pad_token",
    "sep_token",
    "unk_token",
)
_ELSEWHERE: Final = frozenset(
    {"added_tokens", "model", "normalizer", "pre_tokenizer", "padding", "truncation", "version"}
)
"""Of ``tokenizer.json``: what other facts hold, what each call sets anew, the format's version."""
_BOOKKEEPING: Final = frozenset(
    {"backend", "is_local", "name_or_path", "special_tokens_map_file", "tokenizer_file"}
)
"""Of ``tokenizer_config.json``: where the files came from. All other keys count, unknown ones too:
they are arguments of the class that rebuilds the tokenizer."""
_PROBE: Final = "a"
_SPOKEN_FOR: Final = frozenset({"__type", "content", "special"})
_BATCH: Final = 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """The special tokens that a tokenizer puts around a text, by id."""

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.before) + len(self.after)


@dataclass(frozen=True, slots=True, eq=False)
class Tokenizer:
    """A tokenizer ready to run, and the digests that say whether it equals another.

    ``roles`` are the texts of its special tokens, by name such as ``mask_token``; ``template`` its
    chat template.
    """

    facts: TokenizerFacts
    engine: Engine
    roles: Mapping[str, str] = field(default_factory=dict)
    template: str | None = None

    @property
    def frame(self) -> Frame:
        """What stands around one text."""
        coded = self.engine.encode(_PROBE)
        own = [at for at, special in enumerate(coded.special_tokens_mask) if not special]
        if not own:
            return Frame()
        return Frame(tuple(coded.ids[: own[0]]), tuple(coded.ids[own[-1] + 1 :]))

    def role(self, name: str) -> int:
        """The id of a special token. Raises :class:`SafetyRefusal` E210 where there is none."""
        found = self.engine.token_to_id(self.roles[name]) if name in self.roles else None
        if found is None:
            raise SafetyRefusal(
                "E210", f"the tokenizer has no `{name}`", "use the tokenizer made for this task"
            )
        return int(found)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text."""
        out: list[list[int]] = []
        for start in range(0, len(texts), _BATCH):
            batch = list(texts[start : start + _BATCH])
            coded = self.engine.encode_batch_fast(batch, add_special_tokens=False)
            out.extend(one.ids for one in coded)
        return out


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of the model in ``folder``.

    Raises :class:`SafetyRefusal` E210 when there is no ``tokenizer.json``, E206 when it, or a file
    beside it, is malformed.
    """
    from tokenizers import Tokenizer as Engine

    if not (folder / _FILE).exists():
        raise SafetyRefusal("E210", f"`{_FILE}` is missing", "save the tokenizer in its fast form")
    data = (folder / _FILE).read_bytes()
    document = _object(data, _FILE)
    config, specials = (_side_file(folder, name) for name in (_CONFIG, _SPECIALS))
    template = _template(folder)
    facts = tokenizer_facts(document, config, specials, template)
    try:
        engine = Engine.from_buffer(data)
        engine.no_padding()
        engine.no_truncation()
    except ValueError as err:
        reason = str(err).split("\n", maxsplit=1)[0][:200].lower()
        raise SafetyRefusal("E206", f"`{_FILE}` is malformed: {reason}", "mend the file") from err
    return Tokenizer(facts, engine, _role_texts(config, specials), _chosen(template, config))


def _role_texts(config: Mapping[str, Json], specials: Mapping[str, Json]) -> dict[str, str]:
    """The text of each special token that plays a role; ``tokenizer_config.json`` goes before."""
    both = {**specials, **config}
    found = {role: both.get(role) for role in _ROLES}
    texts = {r: v.get("content") if isinstance(v, dict) else v for r, v in found.items()}
    return {role: text for role, text in texts.items() if isinstance(text, str)}


def _chosen(template: str | None, config: Mapping[str, Json]) -> str | None:
    """The chat template: that of its own file, else of the configuration, there by itself or as
    the one named ``default``."""
    if template is not None:
        return template
    given = config.get("chat_template")
    if isinstance(given, list):
        named = [entry for entry in given if isinstance(entry, dict)]
        given = next((e.get("template") for e in named if e.get("name") == "default"), None)
    return given if isinstance(given, str) else None


def tokenizer_facts(
    document: Mapping[str, Json],
    config: Mapping[str, Json],
    specials: Mapping[str, Json],
    template: str | None,
) -> TokenizerFacts:
    """Digests of what makes a tokenizer, from its parsed files, and how many ids it can give.

    ``vocabulary`` is the model without its merges, and the added tokens; ``merges`` the merges
    together with the normaliser and pre-tokeniser that feed them; ``specials`` which token plays
    which role, and whatever else shapes ids or text: post-processor, decoder, keys of the
    configuration, keys unknown to this program; ``template`` the chat template. Raises
    :class:`SafetyRefusal` E206.
    """
    model = document.get("model")
    if not isinstance(model, dict):
        raise SafetyRefusal("E206", f"`{_FILE}` has no `model`", "save the tokenizer again")
    return TokenizerFacts(
        ids=_ids(model.get("vocab"), document.get("added_tokens")),
        vocabulary=_digest([_settings(model), document.get("added_tokens")]),
        merges=_digest(
            [_pairs(model.get("merges")), document.get("normalizer"), document.get("pre_tokenizer")]
        ),
        specials=_digest([_without(document, _ELSEWHERE), *_configured(config, specials)]),
        template=_digest(template if template is not None else config.get("chat_template")),
    )


def _ids(vocabulary: Json, added: Json) -> int:
    """The largest id plus one, of a vocabulary by token or by order, and of added tokens."""
    found: list[Json] = [-1]
    if isinstance(vocabulary, dict):
        found += vocabulary.values()
    elif isinstance(vocabulary, list):
        found.append(len(vocabulary) - 1)
    if isinstance(added, list):
        found += [token.get("id") for token in added if isinstance(token, dict)]
    return max(number for number in found if isinstance(number, int)) + 1


def _settings(model: Mapping[str, Json]) -> Json:
    """The model without its merges; a setting that is off or null is as good as absent, which is
    how older versions of the library write it."""
    return {
        key: value
        for key, value in model.items()
        if key != "merges" and value is not None and value is not False
    }


def _pairs(merges: Json) -> Json:
    """Both spellings of a merge, ``"a b"`` and ``["a", "b"]``, as the latter."""
    if not isinstance(merges, list):
        return merges
    return [list(m.split(" ", 1)) if isinstance(m, str) else m for m in merges]


def _configured(config: Mapping[str, Json], specials: Mapping[str, Json]) -> list[Json]:
    """Roles, and all other keys, of both files; ``tokenizer_config.json`` goes before."""
    both = {**specials, **config}
    roles: dict[str, Json] = {role: _token(both.get(role)) for role in _ROLES}
    return [roles, _without(both, {*_ROLES, *_BOOKKEEPING, "chat_template"})]


def _token(value: Json) -> Json:
    """Both spellings of a token in a role, its text and an object, as the text if no flag is set;
    that it is special goes without saying."""
    if not isinstance(value, dict):
        return value
    flags: dict[str, Json] = {
        key: flag for key, flag in value.items() if flag and key not in _SPOKEN_FOR
    }
    return [value.get("content"), flags] if flags else value.get("content")


def _without(value: Mapping[str, Json], keys: AbstractSet[str]) -> Json:
    return {key: item for key, item in value.items() if key not in keys}


def _digest(value: Json) -> str:
    try:
        return digest_json(value)
    except TypeError:  # floats have no canonical form; most tokenizers hold none
        return digest_json(_exact(value))


def _exact(value: object) -> object:
    """The value with floats (scores of unigram vocabularies) in their shortest textual form."""
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    return value


def _template(folder: Path) -> str | None:
    path = folder / _TEMPLATE
    if not path.exists():
        return None
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as err:
        raise SafetyRefusal("E206", f"`{_TEMPLATE}` is not utf-8", "mend the file") from err


def _side_file(folder: Path, name: str) -> dict[str, Json]:
    path = folder / name
    return _object(path.read_bytes(), name) if path.exists() else {}


def _object(data: bytes, name: str) -> dict[str, Json]:
    try:
        value = strict_json(data, max_bytes=256 << 20)
    except StrictJsonError as err:
        raise SafetyRefusal("E206", f"`{name}` is malformed: {err}", "mend the file") from err
    if not isinstance(value, dict):
        raise SafetyRefusal("E206", f"`{name}` is not a json object", "mend the file")
    return value
