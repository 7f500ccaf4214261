"""How documents stand and what was read on them, in words, marked here and translated where they are shown."""

from models.documents import ReadingVerdict
from models.tasks import Outcome
from services.document_lists import DocumentStanding
from services.documents import FOLDERS_IN_NAME
from services.documents_comparing import FieldState
from services.documents_intake import REFUSALS
from web.language import Language, marked

WAITS = marked("Is being read")
NOT_READ = marked("Not read by machine")
VERDICTS = {
    ReadingVerdict.AGREES: marked("Agrees with the form"),
    ReadingVerdict.DIFFERS: marked("Differs"),
    ReadingVerdict.UNREADABLE: marked("Cannot be read"),
    ReadingVerdict.WRONG_KIND: marked("Looks like another kind of document"),
    ReadingVerdict.OTHER_SIDE: marked("The back, which does not stand for the front"),
}
VERDICT_COLOURS = {
    ReadingVerdict.AGREES: "green",
    ReadingVerdict.DIFFERS: "red",
    ReadingVerdict.UNREADABLE: "yellow",
    ReadingVerdict.WRONG_KIND: "yellow",
    ReadingVerdict.OTHER_SIDE: "blue",
}
STATES = {
    FieldState.AGREES: marked("agrees"),
    FieldState.DIFFERS: marked("differs"),
    FieldState.MISSING: marked("not found"),
}
STATE_COLOURS = {FieldState.AGREES: "green", FieldState.DIFFERS: "red", FieldState.MISSING: "yellow"}
FIELDS = {
    "name": marked("Name"),
    "id_number": marked("ID number"),
    "income": marked("Income a month"),
    "school": marked("School"),
    "dealer": marked("Dealer"),
    "vin": marked("Vehicle identification number"),
    "price": marked("Price"),
    "invoice_number": marked("Number of the invoice"),
    "invoice_date": marked("Date of the invoice"),
    "account": marked("Account, last four digits"),
    "period": marked("Period of the statement"),
    "enrolled_on": marked("Enrolment date"),
    "graduates_on": marked("Graduation date"),
    "photograph": marked("Photograph or scan"),
    "valid": marked("Validity"),
    "issued": marked("Date of issue"),
    "date": marked("Date"),
    "amount": marked("Amount"),
}
SOURCES = {
    "form": marked("Application"),
    "bureau": marked("Credit bureau"),
    "enrolment": marked("Student register"),
    "vehicle": marked("Vehicle register"),
    "kind": marked("Kind of document"),
}
STANDINGS = {
    DocumentStanding.HANDED_IN: marked("Handed in"),
    DocumentStanding.MISSING: marked("Missing"),
    DocumentStanding.UNREAD: marked("Not read yet"),
    DocumentStanding.IN_DOUBT: marked("In doubt"),
    DocumentStanding.REFUSED: marked("Not taken: to be handed in again"),
}
STANDING_COLOURS = {
    DocumentStanding.HANDED_IN: "green",
    DocumentStanding.MISSING: "red",
    DocumentStanding.UNREAD: "blue",
    DocumentStanding.IN_DOUBT: "yellow",
    DocumentStanding.REFUSED: "red",
}
OUTCOMES = {Outcome.APPROVE: marked("Taken"), Outcome.REFUSE: marked("Not taken")}
OUTCOME_COLOURS = {Outcome.APPROVE: "green", Outcome.REFUSE: "red"}
FILE_PROBLEMS = {
    "empty or too large": marked("The file is empty or larger than 5 MiB."),
    "not a PDF, PNG or JPEG": marked("The file is no PDF, PNG or JPEG."),
    "is an archive as well": marked("The file is an archive as well. Save the document anew."),
    "is another type of file as well": marked("The file is something else as well. Save the document anew."),
    "has something behind its end": marked("The file goes on behind its end. Save the document anew."),
    "is cut off, or has something behind its end": marked("The file is cut off or goes on behind its end."),
    FOLDERS_IN_NAME: marked("The file's name has folders in it. Send it with the last part of its name alone."),
    REFUSALS["encrypted"]: marked("The file has a password. Save it without one."),
    REFUSALS["pages"]: marked("The file has more than 20 pages."),
    REFUSALS["pixels"]: marked("The picture is too large. Take it at a lower resolution."),
    REFUSALS["bomb"]: marked("The file unpacks to far more than its size."),
    REFUSALS["broken"]: marked("The file is cut off or damaged. Save or photograph the document anew."),
}
"""What a person reads at a file that was not taken, by the reason of the refusal."""
PARTY_PROBLEMS = {
    "nobody of this loan": marked("Choose a person of this loan."),
    "this file is another person's": marked(
        "This very file was handed in for another person. Choose him, or a document of this person's own."
    ),
}
"""The same at the person whose document it is said to be."""
NAMED_WRONGLY = marked("The file's name ends like that of another type of file.")


def file_problem(why: str, language: Language) -> str:
    """Why a file was not taken."""
    return language.say(FILE_PROBLEMS.get(why, NAMED_WRONGLY))


def party_problem(why: str, language: Language) -> str:
    """Why a file was not taken as a document of that person."""
    return language.say(PARTY_PROBLEMS[why])
