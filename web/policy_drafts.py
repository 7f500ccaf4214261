"""The form of a draft: the rules as JSON that somebody typed, and what is wrong with them, by line and column."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from lending.errors import LendingError
from models.words import storable
from services.policy_publishing import MOST_LEVELS, InvalidPublication
from web.language import Language, marked

NO_JSON = marked(
    "Line %(line)s, column %(column)s: this is no JSON. Look there and just before for a comma, a quote or a bracket "
    "that is missing or too many."
)
NO_OBJECT = marked("The rules are one JSON object: they begin with { and end with }.")
NOT_KEPT = marked("This holds a number or a sign that JSON does not have, or more than %(levels)s levels.")
NO_REASON = marked("Write a sentence of at most 500 characters.")


@dataclass(frozen=True)
class DraftForm:
    """What somebody typed as the next version. `problems` has a sentence for each field that was refused."""

    content: str
    reason: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> Self:
        """The form as it came in, its lines ended by line feeds."""
        return cls(fields.get("content", "").replace("\r\n", "\n"), fields.get("reason", "").strip())

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """The form that begins with the rules of a version."""
        return cls(json.dumps(content, ensure_ascii=False, indent=1))

    @property
    def lines(self) -> int:
        """How many lines the rules have."""
        return self.content.count("\n") + 1

    def read(self) -> tuple[dict[str, Any], str]:
        """The rules and the reason; InvalidPublication names every field that cannot be read."""
        wrong = {} if self.reason and storable(self.reason) else {"reason": "a sentence of at most 500 characters"}
        try:
            content = json.loads(self.content)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            wrong["content"] = "is no JSON object"
        if wrong or not isinstance(content, dict):
            raise InvalidPublication("the draft cannot be read", fields=wrong)
        return content, self.reason

    def with_problems(self, error: LendingError, language: Language) -> Self:
        """The form with what was wrong about it, at the fields."""
        said = {"reason": lambda: language.say(NO_REASON), "content": lambda: self._content_problem(language)}
        return replace(self, problems={name: said[name]() for name in error.fields if name in said})

    def _content_problem(self, language: Language) -> str:
        try:
            content = json.loads(self.content)
        except json.JSONDecodeError as error:
            return language.say(NO_JSON, line=error.lineno, column=error.colno)
        except (ValueError, RecursionError):
            return language.say(NOT_KEPT, levels=MOST_LEVELS)
        return language.say(NOT_KEPT, levels=MOST_LEVELS) if isinstance(content, dict) else language.say(NO_OBJECT)
