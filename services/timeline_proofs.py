"""Which seal proves an entry of the audit log, and whether the entry is still the one that was sealed."""

from collections.abc import Sequence
from dataclasses import dataclass

from books.session import UnitOfWork
from models.audit import AuditEntry
from models.chain import check_path, entry_bytes, leaf_hash
from services.audit_chain import proofs_of


@dataclass(frozen=True)
class Proven:
    """An entry with its proof: `leaf` is its hash as it reads today. Without a seal it is not proven yet."""

    entry: AuditEntry
    leaf: str
    seal_no: int | None
    intact: bool | None


def prove(work: UnitOfWork, entries: Sequence[AuditEntry]) -> dict[str, Proven]:
    """The proof of each entry by its id: it is intact if it leads, as it reads today, to the root of its seal."""
    found = {proof.entry_id: proof for proof in proofs_of(work, entries)}
    roots: dict[int, str | None] = {}
    proven = {}
    for entry in entries:
        leaf = leaf_hash(entry_bytes(entry.model_dump()))
        proof = found.get(entry.id)
        if proof is None:
            proven[entry.id] = Proven(entry, leaf, None, None)
            continue
        if proof.seal_no not in roots:
            seal = work.seals.get(proof.seal_no)
            roots[proof.seal_no] = seal.root if seal is not None and seal.content.hash == seal.hash else None
        root = roots[proof.seal_no]
        intact = root is not None and check_path(leaf, proof.path, root)
        proven[entry.id] = Proven(entry, leaf, proof.seal_no, intact)
    return proven
