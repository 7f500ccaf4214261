"""The register of students."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Literal, Self

from pydantic import TypeAdapter, model_validator

from gateways.connection import Answer, Service
from gateways.errors import AnswerMalformed
from gateways.texts import Reference

LONGEST_TO_COME = timedelta(days=15 * 366)
LONGEST_OVERDUE = timedelta(days=5 * 366)
"""A student may be late with his degree; nobody is by decades, and nobody has decades before him."""


class Degree(StrEnum):
    """Level of the studies."""

    ASSOCIATE = "associate"
    BACHELOR = "bachelor"
    MASTER = "master"
    DOCTOR = "doctor"


class Enrolled(Answer):
    """The person is a student on the day asked for."""

    enrolled: Literal[True]
    reference: Reference
    school: str
    school_account: str
    full_time: bool
    degree: Degree
    started: date
    graduates_on: date

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Self:
        if self.graduates_on < self.started:
            raise ValueError("studies that end before they begin")
        return self


class NotEnrolled(Answer):
    """The person is not a student on that day, or unknown to the register."""

    enrolled: Literal[False]
    reference: Reference


_CHECK: TypeAdapter[Enrolled | NotEnrolled] = TypeAdapter(Enrolled | NotEnrolled)


class EnrolmentRegister(Service):
    """Asks the register of students."""

    name = "enrolment"
    guarded = True

    async def check(self, name: str, id_number: str, on: date) -> Enrolled | NotEnrolled:
        """Whether the person is a student on that business date, where, and until when. Raises OutsideError."""
        question = {"name": name, "id_number": id_number, "on": on.isoformat()}
        answer = await self._connection.post("checks", question, _CHECK)
        if isinstance(answer, Enrolled) and not _is_possible(answer, on):
            raise AnswerMalformed(self.name, "checks", f"nobody who studies on {on} has such days")
        return answer


def _is_possible(studies: Enrolled, on: date) -> bool:
    return studies.started <= on and on - LONGEST_OVERDUE <= studies.graduates_on <= on + LONGEST_TO_COME
