"""Who is champion, who was, and why: aliases of the registered model, and the record of every move.

An alias has no history, so each move is written down as a tag of the registered model: the record lies where the
registry lies, shared by everyone who shares it.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from heamap.lifecycle import tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
CHALLENGER = "challenger"
DECISION_TAG = "heamap.decision."
REPLACED_TAG = "heamap.replaced_version"
Action = Literal["promote", "challenge", "rollback"]
ALIASES: dict[Action, str] = {"promote": CHAMPION, "challenge": CHALLENGER, "rollback": CHAMPION}


@dataclass(frozen=True)
class Decision:
    """One move of an alias.

    Attributes
    ----------
    version : champion after ``promote`` and ``rollback``, challenger after ``challenge``
    replaced_version : that had the alias before; empty when none had
    reason : the gate's verdict, or why a rollback
    time : UTC, ISO 8601
    """

    action: Action
    version: str
    replaced_version: str
    reason: str
    time: str

    def __str__(self) -> str:
        before = f" in place of version {self.replaced_version}" if self.replaced_version else ""
        return f"{self.action}: version {self.version} is {ALIASES[self.action]}{before} ({self.reason})"


def decide(model_name: str, action: Action, version: str, *, reason: str) -> Decision:
    """Move an alias and write it down; where it already is, the decision that brought it there stands."""
    server = tracking.client()
    alias = ALIASES[action]
    holder = holder_of(model_name, alias)
    if holder == version:
        return latest(model_name, alias, version)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    decision = Decision(action, version, holder or "", reason, now)
    # Written before it is done: an interruption in between leaves a decision without effect, never a move without one.
    server.set_registered_model_tag(model_name, f"{DECISION_TAG}{now}", json.dumps(asdict(decision)))
    server.set_registered_model_alias(model_name, alias, version)
    if action == "promote":
        server.set_model_version_tag(model_name, version, REPLACED_TAG, decision.replaced_version)
        if holder_of(model_name, CHALLENGER) == version:
            server.delete_registered_model_alias(model_name, CHALLENGER)
    return decision


def holder_of(model_name: str, alias: str) -> str | None:
    """The version that has an alias; None when none has."""
    model = _model(tracking.client(), model_name)
    version = model.aliases.get(alias) if model else None
    return None if version is None else str(version)


def decisions(model_name: str) -> list[Decision]:
    """Every decision about a model, the oldest first."""
    model = _model(tracking.client(), model_name)
    tags: dict[str, str] = model.tags if model else {}
    return [Decision(**json.loads(tags[name])) for name in sorted(tags) if name.startswith(DECISION_TAG)]


def latest(model_name: str, alias: str, version: str) -> Decision:
    """The last decision that gave an alias to a version.

    Raises
    ------
    LookupError : none did
    """
    for decision in reversed(decisions(model_name)):
        if decision.version == version and ALIASES[decision.action] == alias:
            return decision
    raise LookupError(f"no decision made version {version} of {model_name} {alias}")


def _model(server: "MlflowClient", model_name: str) -> Any:
    found = server.search_registered_models(f"name = '{model_name}'")
    return found[0] if found else None
