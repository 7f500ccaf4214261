"""A person who signs beside the borrower, on the forms of products: three fields, all of them or none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from models.customers import PartyRole
from models.products import FieldKind, FormField, JointParty
from modules.applicants import age_problem
from services.forms import Sentence

ADULT = 18


@dataclass(frozen=True)
class CoSigner:
    """One such person: his role, and the words by which a form asks for him."""

    role: PartyRole
    en: str
    zh: str

    @property
    def fields(self) -> tuple[FormField, FormField, FormField]:
        """Name, ID number and mobile, none of which is required by itself."""
        name, id_number, mobile = self._names
        return (
            FormField(name, FieldKind.NAME, f"{self.en}'s name", f"{self.zh}姓名", required=False),
            FormField(id_number, FieldKind.ID_NUMBER, f"{self.en}'s ID number", f"{self.zh}身份证号", required=False),
            FormField(mobile, FieldKind.MOBILE, f"{self.en}'s mobile", f"{self.zh}手机号", required=False),
        )

    @property
    def _names(self) -> tuple[str, str, str]:
        prefix = self.role.value
        return f"{prefix}_name", f"{prefix}_id_number", f"{prefix}_mobile"

    def problems(self, form: Mapping[str, Any], day: date, *, is_needed: bool) -> dict[str, str]:
        """What is wrong about him: parts missing where he is needed or named at all, a minor, the borrower himself."""
        _, id_number, mobile = self._names
        problems: dict[str, str] = {}
        if is_needed or any(name in form for name in self._names):
            needed = Sentence(f"A {self.en.lower()} is needed in full.", f"请完整填写{self.zh}信息。")
            problems = dict.fromkeys((name for name in self._names if name not in form), needed)
        problems |= age_problem(form, day, ADULT, id_number)
        if "id_number" in form and form.get(id_number) == form["id_number"]:
            problems[id_number] = Sentence(
                f"The {self.en.lower()} must be another person.", f"{self.zh}不能是借款人本人。"
            )
        if "mobile" in form and form.get(mobile) == form["mobile"]:
            # Each signs with a code that comes to his own phone.
            problems[mobile] = Sentence(
                f"The {self.en.lower()} needs a mobile of his own.", f"{self.zh}须使用本人的手机号。"
            )
        return problems

    def party(self, form: Mapping[str, Any]) -> list[JointParty]:
        """Him, if the form names him."""
        name, id_number, mobile = (form.get(field) for field in self._names)
        return [JointParty(self.role, name, id_number, mobile)] if name and id_number and mobile else []
