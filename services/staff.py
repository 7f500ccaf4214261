"""Demo persons and machine accounts; all made up."""

from books.session import UnitOfWork
from books.staff import key_digest
from models.staff import Role, Staff

DEMO_PERSONS = (
    ("agent-lin", "林小满（演示）", Role.AGENT, "manager-zhao"),
    ("agent-he", "何以宁（演示）", Role.AGENT, "manager-zhao"),
    ("agent-tang", "唐知夏（演示）", Role.AGENT, "manager-feng"),
    ("manager-zhao", "赵明远（演示）", Role.MANAGER, None),
    ("manager-feng", "冯守正（演示）", Role.MANAGER, None),
    ("risk-qian", "钱若水（演示）", Role.RISK, None),
    ("risk-shen", "沈知衡（演示）", Role.RISK, None),
    ("finance-sun", "孙立账（演示）", Role.FINANCE, None),
    ("finance-zhou", "周复核（演示）", Role.FINANCE, None),
    ("auditor-wei", "魏清源（演示）", Role.AUDITOR, None),
    ("admin-gu", "顾全（演示）", Role.ADMIN, None),
    ("integrator-demo", "演示接口", Role.INTEGRATOR, "manager-zhao"),
)
"""Id, name, role and manager of the people who come with a demonstration."""


def demo_key(staff_id: str) -> str:
    """The API key of a demo person: open to everybody, for demonstrations only."""
    return f"demo-{staff_id}"


def add_demo_persons(work: UnitOfWork) -> None:
    """Adds the demo persons that are not there yet."""
    for staff_id, name, role, _manager in DEMO_PERSONS:
        if work.staff.get(staff_id) is None:
            work.session.add(Staff(id=staff_id, name=name, role=role, key_hash=key_digest(demo_key(staff_id))))
    work.session.flush()
    for staff_id, _name, _role, manager in DEMO_PERSONS:
        person = work.staff.get(staff_id)
        if person is not None and person.manager_id is None:
            person.manager_id = manager
            work.session.add(person)
