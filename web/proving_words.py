"""What a proof of the sealed books can find wrong, as auditors read it."""

from services.audit_findings import FindingKind
from web.language import marked

FINDINGS = {
    FindingKind.ENTRY_CHANGED: marked("An audit entry was changed"),
    FindingKind.ENTRY_MISSING: marked("An audit entry is gone"),
    FindingKind.ENTRY_ADDED: marked("An audit entry was added afterwards"),
    FindingKind.ENTRY_REORDERED: marked("An audit entry stands at another's place"),
    FindingKind.ENTRY_REPLACED: marked("An audit entry was replaced together with its hash"),
    FindingKind.ENTRY_MISDATED: marked("An audit entry has an id of the future"),
    FindingKind.POSTING_CHANGED: marked("A posting was changed"),
    FindingKind.POSTING_MISSING: marked("A posting is gone"),
    FindingKind.POSTING_ADDED: marked("A posting was added afterwards"),
    FindingKind.POSTING_REORDERED: marked("A posting stands at another's place"),
    FindingKind.POSTING_REPLACED: marked("A posting was replaced together with its hash"),
    FindingKind.POSTING_MISDATED: marked("A posting has an id of the future"),
    FindingKind.RECORD_CHANGED: marked("The hash that was kept of a row was changed; the row is as it was"),
    FindingKind.SEAL_CHANGED: marked("A seal was changed"),
    FindingKind.SEAL_MISSING: marked("A seal is gone"),
    FindingKind.SEAL_ADDED: marked("A seal was added that can be none"),
    FindingKind.SEAL_MISDATED: marked("A seal has a wrong time"),
    FindingKind.NOT_AS_DEPOSITED: marked("A seal is not the one that was deposited outside"),
    FindingKind.DEPOSIT_UNREADABLE: marked("A deposited root was changed, or somebody else signed it"),
    FindingKind.STAFF_ADDED: marked("Somebody was added without an act"),
    FindingKind.STAFF_CHANGED: marked("Somebody's role, team or scopes were changed without an act"),
    FindingKind.STAFF_MISSING: marked("Somebody is gone without an act"),
    FindingKind.STAFF_UNPROVED: marked("An audit entry about somebody cannot be read: who he is, is not proved"),
    FindingKind.STANDING_CHANGED: marked("What is kept of somebody's roles and teams is not what the acts said"),
    FindingKind.STAFF_UNPROVED: marked("Nothing proves what somebody is"),
    FindingKind.STANDING_CHANGED: marked("A version of what somebody is was changed"),
    FindingKind.CREDENTIAL_CHANGED: marked("By what somebody signs in was changed without an act"),
    FindingKind.ABSENCE_ADDED: marked("An absence was added without an act"),
    FindingKind.ABSENCE_CHANGED: marked("An absence was changed without an act"),
    FindingKind.ABSENCE_MISSING: marked("An absence is gone without an act"),
}
