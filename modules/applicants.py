"""Checks of the applicant's age that products share."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.forms import Sentence, age_on, birth_date


def age_problem(form: Mapping[str, Any], day: date, least: int, field: str = "id_number") -> dict[str, str]:
    """What is wrong if the person of this ID number is younger than `least` years; nothing if the field is empty."""
    if field not in form or age_on(birth_date(form[field]), day) >= least:
        return {}
    return {field: Sentence(f"This person must be at least {least} years old.", f"该人须年满{least}周岁。")}
