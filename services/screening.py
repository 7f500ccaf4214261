"""Screening the parties of a loan: against the lender's own list, modules' lists, and what an AML provider answered."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from books.customers import blind_index
from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import PartyRole
from models.products import LoanCase, Product
from models.screening import Finding, ScreenedParty
from models.verification import CheckName
from services.products import PayeeUnknown, catalogue
from services.screening_hooks import Screening

CHECK = "screening"
"""The check by which an AML provider outside is asked; one of a co-signer is called `screening@guarantor`."""
FINDINGS = "screening_findings"
"""Beside the facts of a case: who of it stands on which list."""


@dataclass(frozen=True)
class Screened:
    """What came of it. `hit`: somebody is on a list for certain. `known` is false where a list could not be asked, or
    where it may be somebody else of the same name: a person looks then.
    """

    hit: bool
    known: bool
    findings: tuple[Finding, ...] = ()


def name_index(name: str) -> str:
    """The digest by which a name is found, whatever its width, case, spaces and dots."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return blind_index("name|" + "".join(sign for sign in folded if sign.isalnum()))


def parties_of(product: Product, case: LoanCase) -> list[ScreenedParty]:
    """Whoever takes part in a case: the borrower, who signs beside him, and payees by their names, once each."""
    form = case.form
    parties = [ScreenedParty(PartyRole.BORROWER, form["name"], form["id_number"])]
    parties += [ScreenedParty(joint.role, joint.name, joint.id_number) for joint in product.parties(form)]
    try:
        payees = product.payees(case)
    except PayeeUnknown:
        # The register that names the payee did not answer; he is screened when the case is graded again.
        payees = []
    parties += [ScreenedParty(one.role, one.name) for one in payees if one.role is PartyRole.PAYEE]
    return list(dict.fromkeys(parties))


def screen(work: UnitOfWork, product: Product, case: LoanCase, day: date) -> Screened:
    """Asks every list about every party; the provider's answers are those that the case has.

    Where a product names the check `screening`, the provider has to have answered about everybody whom it names it for.
    """
    parties = parties_of(product, case)
    findings = _of_provider(case)
    checks = product.checks_for(one.role for one in product.parties(case.form))
    known = all(check in case.answers for check in checks if CheckName.parse(check).register == CHECK)
    for screening in (OWN_LIST, *catalogue().screenings):
        try:
            findings += screening.ask(work, parties, day)
        except LendingError:
            known = False
    certain = any(one.certain for one in findings)
    return Screened(certain, known and all(one.certain for one in findings), tuple(findings))


def _of_provider(case: LoanCase) -> list[Finding]:
    findings = []
    for check, answer in case.answers.items():
        name = CheckName.parse(check)
        if name.register == CHECK:
            # A second guarantor is spelled `guarantor-2`.
            role = PartyRole(name.party.partition("-")[0])
            findings += [
                Finding("provider", role, one["certain"], one["list"], one["reason"]) for one in answer["findings"]
            ]
    return findings


def _on_own_list(work: UnitOfWork, parties: Sequence[ScreenedParty], day: date) -> list[Finding]:
    """A number that is the same is certain; a name alone is so for a payee, of whom nobody knows more."""
    numbers = {one: blind_index(one.id_number) if one.id_number else None for one in parties}
    names = {one: name_index(one.name) for one in parties}
    listed = work.screening.listed([one for one in numbers.values() if one], list(names.values()), day)
    findings = []
    for entry in listed:
        for party in parties:
            number = numbers[party]
            if number is not None and entry.id_number_index is not None:
                if number != entry.id_number_index:
                    continue
                certain = True
            elif names[party] == entry.name_index:
                certain = number is None and entry.id_number_index is None
            else:
                continue
            findings.append(Finding("own_list", party.role, certain, "own_list", entry.reason))
    return findings


OWN_LIST = Screening("own_list", "The lender's own list", "本机构名单", _on_own_list)


def findings_in(facts: Mapping[str, Any]) -> list[Finding]:
    """Who stood on which list when a case was graded, from the facts of its grading."""
    return [Finding.from_json(one) for one in facts.get(FINDINGS, ())]
