"""Who may do what: one table of roles and actions, read by every edge and every service.

The table says what a role may do at all. Which rows it may do it to is row scope (`books/scope.py`), and rules about
one case, such as four eyes, stand in the services.
"""

from collections.abc import Iterable, Mapping
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from models.changes import ChangeKind
from models.loans import Loan
from models.staff import Actor, Role, Scope
from models.tasks import Task
from services.errors import NotAllowed, ScopeMissing


class Open(Enum):
    """What stands in place of an action where an address asks nobody who he is."""

    OPEN = "open"


OPEN: Final = Open.OPEN


class Action(StrEnum):
    """Something that a person or a machine does, as coarse as roles differ in it."""

    USE_DESK = "use_desk"
    USE_OWN_PAGES = "use_own_pages"
    SEE_PUBLIC = "see_public"
    SEE_PERMISSIONS = "see_permissions"
    CALCULATE = "calculate"
    SEE_LOANS = "see_loans"
    SEE_PAYMENTS = "see_payments"
    SEE_CHECKS = "see_checks"
    SEE_TASKS = "see_tasks"
    SEE_ABSENCES = "see_absences"
    SEE_DEALERS = "see_dealers"
    SEE_OTHERS = "see_others"
    SEE_FUNDS = "see_funds"
    SEE_LISTINGS = "see_listings"
    SEE_POLICIES = "see_policies"
    SEE_WARNINGS = "see_warnings"
    SEE_NAMES = "see_names"
    SEE_REPLIES = "see_replies"
    READ_DOCUMENTS = "read_documents"
    OPEN_DOCUMENTS = "open_documents"
    HAND_IN_DOCUMENTS = "hand_in_documents"
    ENTER_REPLIES = "enter_replies"
    ORDER_PAPERS = "order_papers"
    ENTER_APPLICATIONS = "enter_applications"
    SPEAK_FOR = "speak_for"
    KEEP_ACCOUNTS = "keep_accounts"
    PREPAY = "prepay"
    ENTER_EVIDENCE = "enter_evidence"
    ENTER_REGISTRATIONS = "enter_registrations"
    RELEASE_COLLATERAL = "release_collateral"
    PROPOSE_ACCOUNTS = "propose_accounts"
    DECIDE_ACCOUNTS = "decide_accounts"
    PROPOSE_DEFERRALS = "propose_deferrals"
    PROPOSE_RESTRUCTURINGS = "propose_restructurings"
    PROPOSE_RATE_CHANGES = "propose_rate_changes"
    PROPOSE_WAIVERS = "propose_waivers"
    PROPOSE_FEES = "propose_fees"
    PROPOSE_WRITE_OFFS = "propose_write_offs"
    PROPOSE_CORRECTIONS = "propose_corrections"
    PROPOSE_CHANGES = "propose_changes"
    DECIDE_FOR_AGENT = "decide_for_agent"
    DECIDE_FOR_MANAGER = "decide_for_manager"
    DECIDE_FOR_RISK = "decide_for_risk"
    DECIDE_FOR_FINANCE = "decide_for_finance"
    DECIDE_FOR_ADMIN = "decide_for_admin"
    DECIDE_TASKS = "decide_tasks"
    HAND_OUT_TASKS = "hand_out_tasks"
    TAKE_FROM_OTHERS = "take_from_others"
    ENTER_ABSENCES = "enter_absences"
    KEEP_DEALERS = "keep_dealers"
    KEEP_LIMITS = "keep_limits"
    KEEP_LISTINGS = "keep_listings"
    CHANGE_POLICIES = "change_policies"
    CLOSE_MONTHS = "close_months"
    KEEP_CHART = "keep_chart"
    BRING_IN_PORTFOLIOS = "bring_in_portfolios"
    APPROVE_PORTFOLIOS = "approve_portfolios"
    DECODE_PAYLOADS = "decode_payloads"
    READ_AUDIT = "read_audit"
    ERASE_CUSTOMERS = "erase_customers"
    AGREE_TO_ERASURES = "agree_to_erasures"
    REGISTER_WEBHOOKS = "register_webhooks"
    KEEP_WEBHOOKS = "keep_webhooks"
    SEE_WEBHOOKS = "see_webhooks"
    SEARCH_CUSTOMERS = "search_customers"
    REVEAL_PERSONS = "reveal_persons"
    REVEAL_ACCOUNTS = "reveal_accounts"
    KEEP_PEOPLE = "keep_people"


_B, _A, _M, _R = Role.BORROWER, Role.AGENT, Role.MANAGER, Role.RISK
_F, _U, _D, _I = Role.FINANCE, Role.AUDITOR, Role.ADMIN, Role.INTEGRATOR


def _roles(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


STAFF = _roles(_A, _M, _R, _F, _U, _D)
_SIGNED_IN = STAFF | {_B, _I}
_SPEAKERS = _roles(_B, _A, _M, _I)
_LEADS = _roles(_M, _R)

_BY_KIND: Mapping[ChangeKind, tuple[Action, frozenset[Role]]] = {
    ChangeKind.DEFERRAL: (Action.PROPOSE_DEFERRALS, _LEADS | {_B, _A, _I}),
    ChangeKind.RESTRUCTURING: (Action.PROPOSE_RESTRUCTURINGS, _LEADS),
    ChangeKind.RATE_CHANGE: (Action.PROPOSE_RATE_CHANGES, _LEADS),
    ChangeKind.WAIVER: (Action.PROPOSE_WAIVERS, _LEADS),
    ChangeKind.FEE: (Action.PROPOSE_FEES, _LEADS),
    ChangeKind.WRITE_OFF: (Action.PROPOSE_WRITE_OFFS, _LEADS),
    # Finance corrects what was posted, and never changes terms or amounts.
    ChangeKind.CORRECTION: (Action.PROPOSE_CORRECTIONS, _roles(_F)),
}
_BY_TASK: Mapping[Role, tuple[Action, frozenset[Role]]] = {
    Role.AGENT: (Action.DECIDE_FOR_AGENT, _roles(_A, _M)),
    Role.MANAGER: (Action.DECIDE_FOR_MANAGER, _LEADS),
    Role.RISK: (Action.DECIDE_FOR_RISK, _roles(_R)),
    Role.FINANCE: (Action.DECIDE_FOR_FINANCE, _roles(_F)),
    # About the house and no loan: an address of a machine that takes no events.
    Role.ADMIN: (Action.DECIDE_FOR_ADMIN, _roles(_D)),
}


def _any_of(rows: Iterable[tuple[Action, frozenset[Role]]]) -> frozenset[Role]:
    return frozenset[Role]().union(*(roles for _, roles in rows))


TABLE: Final[Mapping[Action, frozenset[Role]]] = MappingProxyType(
    {
        Action.USE_DESK: STAFF,
        Action.USE_OWN_PAGES: _roles(_B),
        Action.SEE_PUBLIC: _SIGNED_IN,
        Action.SEE_PERMISSIONS: _roles(_R, _U, _D),
        Action.CALCULATE: _SIGNED_IN,
        Action.SEE_LOANS: _SIGNED_IN,
        Action.SEE_PAYMENTS: _SIGNED_IN,
        # Registers may speak of others; what they said is read out to a borrower by a person.
        Action.SEE_CHECKS: STAFF | {_I},
        Action.SEE_TASKS: STAFF | {_I},
        Action.SEE_ABSENCES: STAFF,
        Action.SEE_DEALERS: STAFF,
        # Who sees all loans; the others learn that there are some.
        Action.SEE_OTHERS: _roles(_R, _U),
        Action.SEE_FUNDS: _roles(_R, _F, _U),
        # On which list somebody was found: for all others that would be tipping off.
        Action.SEE_LISTINGS: _roles(_R, _U),
        Action.SEE_POLICIES: _roles(_R, _U, _D),
        Action.SEE_WARNINGS: _roles(_A, _M, _R, _U),
        # Who works with a customer or with his money. To an auditor, who proves by numbers what was done, and to an
        # administrator names are masked.
        Action.SEE_NAMES: _SPEAKERS | {_R, _F},
        # Whoever follows up a loan, and the borrower his own: they are a person's words about his life.
        Action.SEE_REPLIES: _LEADS | {_A, _B},
        Action.READ_DOCUMENTS: _SIGNED_IN,
        # Whoever works on the case, and who handed it in. An auditor proves by digests what was done with it.
        Action.OPEN_DOCUMENTS: _SPEAKERS | {_R},
        Action.HAND_IN_DOCUMENTS: _SPEAKERS,
        # Whoever follows up a loan, however far its late task went up.
        Action.ENTER_REPLIES: _LEADS | {_A},
        # A paper is a new document of the loan, and an auditor changes nothing. Contracts the system asks for itself.
        Action.ORDER_PAPERS: _SPEAKERS | {_R, _F, Role.SYSTEM},
        Action.ENTER_APPLICATIONS: _SPEAKERS,
        Action.SPEAK_FOR: _SPEAKERS,
        Action.KEEP_ACCOUNTS: _SPEAKERS,
        Action.PREPAY: _SPEAKERS,
        Action.ENTER_EVIDENCE: _SPEAKERS | {_R},
        Action.ENTER_REGISTRATIONS: _SPEAKERS - {_B},
        # However far its late task went up.
        Action.RELEASE_COLLATERAL: _LEADS | {_A},
        # Who knows the customer. Finance moves the money and never says where to.
        Action.PROPOSE_ACCOUNTS: _roles(_A, _M),
        Action.DECIDE_ACCOUNTS: _LEADS,
        **dict(_BY_KIND.values()),
        Action.PROPOSE_CHANGES: _any_of(_BY_KIND.values()),
        **dict(_BY_TASK.values()),
        Action.DECIDE_TASKS: _any_of(_BY_TASK.values()),
        Action.HAND_OUT_TASKS: _any_of(_BY_TASK.values()),
        Action.TAKE_FROM_OTHERS: _LEADS | {_D},
        Action.ENTER_ABSENCES: _any_of(_BY_TASK.values()),
        Action.KEEP_DEALERS: _roles(_R),
        Action.KEEP_LIMITS: _roles(_R),
        Action.KEEP_LISTINGS: _roles(_R),
        Action.CHANGE_POLICIES: _roles(_R),
        Action.CLOSE_MONTHS: _roles(_F),
        Action.KEEP_CHART: _roles(_F),
        # Not finance, which sets no loan's terms.
        Action.BRING_IN_PORTFOLIOS: _LEADS | {_I},
        Action.APPROVE_PORTFOLIOS: _roles(_R),
        # Free texts and addresses of senders, which nobody needs who works on cases.
        Action.DECODE_PAYLOADS: _roles(_U, _D),
        Action.READ_AUDIT: _roles(_U),
        Action.ERASE_CUSTOMERS: _roles(_D),
        Action.AGREE_TO_ERASURES: _roles(_R, _D),
        # A machine hears of the loans that it may see. It keeps its own addresses, an administrator those of all.
        Action.REGISTER_WEBHOOKS: _roles(_I),
        Action.KEEP_WEBHOOKS: _roles(_I, _D),
        Action.SEE_WEBHOOKS: _roles(_I, _D, _U),
        Action.SEARCH_CUSTOMERS: _roles(_A, _M, _R, _F, _U, _I),
        # Who works with it. An auditor proves what was done without it.
        Action.REVEAL_PERSONS: _roles(_A, _M, _R),
        Action.REVEAL_ACCOUNTS: _roles(_A, _M, _R, _F),
        Action.KEEP_PEOPLE: _roles(_D),
    }
)
"""Which roles may do what."""

SCOPE_OF: Final[Mapping[Action, Scope]] = MappingProxyType(
    {
        Action.CALCULATE: Scope.CALCULATIONS,
        Action.SEE_LOANS: Scope.LOANS_READ,
        Action.SEE_CHECKS: Scope.LOANS_READ,
        Action.SEE_TASKS: Scope.LOANS_READ,
        Action.SEE_PAYMENTS: Scope.PAYMENTS,
        Action.KEEP_ACCOUNTS: Scope.PAYMENTS,
        Action.PREPAY: Scope.PAYMENTS,
        Action.READ_DOCUMENTS: Scope.DOCUMENTS,
        Action.OPEN_DOCUMENTS: Scope.DOCUMENTS,
        Action.HAND_IN_DOCUMENTS: Scope.DOCUMENTS,
        Action.ORDER_PAPERS: Scope.DOCUMENTS,
        Action.ENTER_APPLICATIONS: Scope.APPLICATIONS,
        Action.BRING_IN_PORTFOLIOS: Scope.APPLICATIONS,
        Action.SPEAK_FOR: Scope.LOANS_WRITE,
        Action.ENTER_EVIDENCE: Scope.LOANS_WRITE,
        Action.ENTER_REGISTRATIONS: Scope.LOANS_WRITE,
        Action.PROPOSE_DEFERRALS: Scope.LOANS_WRITE,
        Action.PROPOSE_CHANGES: Scope.LOANS_WRITE,
        Action.REGISTER_WEBHOOKS: Scope.WEBHOOKS,
        Action.KEEP_WEBHOOKS: Scope.WEBHOOKS,
        Action.SEE_WEBHOOKS: Scope.WEBHOOKS,
        Action.SEARCH_CUSTOMERS: Scope.LOANS_READ,
        Action.SEE_NAMES: Scope.LOANS_READ,
    }
)
"""The scope that a machine's token needs for an action of its role."""

ANY_SCOPE: Final = frozenset({Action.SEE_PUBLIC})
"""What every token may do, whatever its scopes."""


def allows(actor: Actor, action: Action) -> bool:
    """Whether the table lets this person or machine do it, within the scopes of a machine's token."""
    return actor.role in TABLE[action] and _in_scope(actor, action)


def require(actor: Actor, action: Action) -> None:
    """Refuses an action that the table does not give to the role: NotAllowed, or ScopeMissing for a machine whose
    token was not issued for it.
    """
    if actor.role not in TABLE[action]:
        raise NotAllowed(f"the role {actor.role} may not {MEANINGS[action][0]}")
    if not _in_scope(actor, action):
        raise ScopeMissing(SCOPE_OF.get(action))


def _in_scope(actor: Actor, action: Action) -> bool:
    return actor.scopes is None or action in ANY_SCOPE or SCOPE_OF.get(action) in actor.scopes


# -- what services ask -------------------------------------------------------------------------------------------------

MAY_DECIDE: Final[Mapping[Role, frozenset[Role]]] = {role: TABLE[action] for role, (action, _) in _BY_TASK.items()}
"""Who may decide a task that is for a role."""

MAY_PROPOSE: Final[Mapping[ChangeKind, frozenset[Role]]] = {
    kind: TABLE[action] for kind, (action, _) in _BY_KIND.items()
}
"""Who may propose a change to a running loan."""


def may_see_check(actor: Actor, check: str) -> bool:
    """Whether somebody may see what a check came to: screening is for those who may see the lists behind it."""
    return actor.role in TABLE[Action.SEE_LISTINGS] or not check.startswith("screening")


def check_may_propose(actor: Actor, kind: ChangeKind, loan: Loan) -> None:
    """Refuses a proposal of this kind by this role, and by a borrower for another's loan."""
    require(actor, _BY_KIND[kind][0])
    if actor.role is Role.BORROWER and actor.customer_id != loan.customer_id:
        raise NotAllowed("this belongs to the borrower of the loan")


def check_may_decide(actor: Actor, task: Task) -> None:
    """Refuses a decision on a task that is for somebody else's role."""
    if actor.role not in MAY_DECIDE.get(task.role, frozenset()):
        raise NotAllowed(f"a task for the role {task.role} cannot be decided by the role {actor.role}")


def check_may_speak_for(actor: Actor, loan: Loan) -> None:
    """Refuses a borrower's act by anybody but the borrower, the one who enters cases for him, or an integrator.

    Asks for the role alone: such acts differ in the scope that a machine needs for them, which the edge asks for.
    """
    if actor.role not in TABLE[Action.SPEAK_FOR]:
        raise NotAllowed("this belongs to the borrower, or to the agent or system that speaks for him")
    if actor.role is Role.BORROWER and actor.customer_id != loan.customer_id:
        raise NotAllowed("this belongs to the borrower of the loan")


# -- in words ----------------------------------------------------------------------------------------------------------

MEANINGS: Final[Mapping[Action, tuple[str, str]]] = {
    Action.USE_DESK: ("open the staff's pages", "打开员工页面"),
    Action.USE_OWN_PAGES: ("open a borrower's own pages", "打开借款人本人页面"),
    Action.SEE_PUBLIC: (
        "read what all may read: texts, limits, the API's description",
        "查阅公开内容：文本、限额、接口说明",
    ),
    Action.SEE_PERMISSIONS: ("see who may do what", "查看权限表"),
    Action.CALCULATE: ("compute schedules and rates", "测算还款计划与利率"),
    Action.SEE_LOANS: ("see loans", "查看贷款"),
    Action.SEE_PAYMENTS: ("see what was paid on a loan, and its accounts", "查看贷款的收付与账户"),
    Action.SEE_CHECKS: ("see what registers answered", "查看外部核验结果"),
    Action.SEE_TASKS: ("see tasks", "查看任务"),
    Action.SEE_ABSENCES: ("see who is away", "查看请假情况"),
    Action.SEE_DEALERS: ("see with which dealers the lender works", "查看合作经销商"),
    Action.SEE_OTHERS: ("see on which other loans a vehicle or a file stands", "查看同一车辆或文件的其他贷款"),
    Action.SEE_FUNDS: ("see the flow of funds and the ledger", "查看资金流水与账簿"),
    Action.SEE_LISTINGS: ("see the lender's own list", "查看本行名单"),
    Action.SEE_POLICIES: ("see the rules", "查看规则"),
    Action.SEE_WARNINGS: ("see early warnings", "查看预警"),
    Action.SEE_NAMES: ("see the names of customers and parties in full", "查看客户及相关人员的完整姓名"),
    Action.SEE_REPLIES: ("read what a borrower said", "查看借款人的回复内容"),
    Action.READ_DOCUMENTS: (
        "see which documents a loan has, and read the lender's papers",
        "查看材料清单、查阅本行文书",
    ),
    Action.OPEN_DOCUMENTS: ("open what a customer handed in", "打开客户提交的材料"),
    Action.HAND_IN_DOCUMENTS: ("hand in documents", "提交材料"),
    Action.ENTER_REPLIES: ("enter what a borrower said", "登记借款人的回复"),
    Action.ORDER_PAPERS: ("have papers made", "申请出具文书"),
    Action.ENTER_APPLICATIONS: ("enter applications", "录入申请"),
    Action.SPEAK_FOR: (
        "act for the borrower: sign, accept, withdraw, authorise",
        "以借款人身份办理：签署、接受、撤回、授权",
    ),
    Action.KEEP_ACCOUNTS: ("have a borrower's account checked and its mandate signed", "核验账户并签署代扣授权"),
    Action.PREPAY: ("prepay", "提前还款"),
    Action.ENTER_EVIDENCE: ("enter any proof about a vehicle", "录入车辆的任一凭证"),
    Action.ENTER_REGISTRATIONS: ("enter the registration of a mortgage", "录入抵押登记"),
    Action.RELEASE_COLLATERAL: ("release a mortgage", "办理解除抵押"),
    Action.PROPOSE_ACCOUNTS: ("propose another account", "提议变更账户"),
    Action.DECIDE_ACCOUNTS: ("decide on another account", "复核账户变更"),
    Action.PROPOSE_DEFERRALS: ("propose a deferral", "提议延期"),
    Action.PROPOSE_RESTRUCTURINGS: ("propose a restructuring", "提议重组"),
    Action.PROPOSE_RATE_CHANGES: ("propose another rate", "提议调整利率"),
    Action.PROPOSE_WAIVERS: ("propose a waiver", "提议减免"),
    Action.PROPOSE_FEES: ("propose a fee", "提议收费"),
    Action.PROPOSE_WRITE_OFFS: ("propose a write-off", "提议核销"),
    Action.PROPOSE_CORRECTIONS: ("propose a correction of what was posted", "提议更正入账"),
    Action.PROPOSE_CHANGES: ("propose any change to a running loan", "提议变更在贷贷款"),
    Action.DECIDE_FOR_AGENT: ("decide an agent's task", "处理客户经理的任务"),
    Action.DECIDE_FOR_MANAGER: ("decide a manager's task", "处理主管的任务"),
    Action.DECIDE_FOR_RISK: ("decide a task of risk", "处理风控的任务"),
    Action.DECIDE_FOR_FINANCE: ("decide a task of finance", "处理财务的任务"),
    Action.DECIDE_FOR_ADMIN: ("decide an administrator's task", "处理管理员的任务"),
    Action.DECIDE_TASKS: ("decide any task", "处理任务"),
    Action.HAND_OUT_TASKS: ("give a task back or to a colleague", "退回或转交任务"),
    Action.TAKE_FROM_OTHERS: ("take a task out of another's hands", "收回他人手中的任务"),
    Action.ENTER_ABSENCES: ("enter an absence", "登记请假"),
    Action.KEEP_DEALERS: ("block a dealer or take it up again", "停用或恢复经销商"),
    Action.KEEP_LIMITS: ("keep limits and published rates", "维护限额与公布利率"),
    Action.KEEP_LISTINGS: ("keep the lender's own list", "维护本行名单"),
    Action.CHANGE_POLICIES: ("change the rules", "变更规则"),
    Action.CLOSE_MONTHS: ("close a month", "关账"),
    Action.KEEP_CHART: ("keep the chart of accounts and its rules", "维护会计科目与规则"),
    Action.BRING_IN_PORTFOLIOS: ("bring in a portfolio", "导入存量贷款"),
    Action.APPROVE_PORTFOLIOS: ("approve the takeover of a portfolio", "批准接收存量贷款"),
    Action.DECODE_PAYLOADS: ("read what the engine keeps sealed", "查看引擎中加密的内容"),
    Action.READ_AUDIT: (
        "search the audit log, have it proved, and replay loans",
        "检索与验证审计日志、重放贷款",
    ),
    Action.ERASE_CUSTOMERS: ("erase a customer's data after the legal period", "法定期限届满后删除客户个人信息"),
    Action.AGREE_TO_ERASURES: ("agree to such an erasure", "复核同意删除"),
    Action.KEEP_PEOPLE: ("add and disable people and machines", "增加与停用人员及接口账户"),
    Action.REGISTER_WEBHOOKS: ("have events of loans sent to an address", "设置贷款事件推送地址"),
    Action.KEEP_WEBHOOKS: ("test, replay, enable or remove addresses of events", "测试、重发、启用或移除事件推送地址"),
    Action.SEE_WEBHOOKS: ("see where events are sent and what became of them", "查看事件推送地址及推送结果"),
    Action.SEARCH_CUSTOMERS: ("search customers by name or number", "按姓名或号码查找客户"),
    Action.REVEAL_PERSONS: ("see an ID number or a mobile in full, with a reason", "凭理由查看完整证件号或手机号"),
    Action.REVEAL_ACCOUNTS: ("see an account number in full, with a reason", "凭理由查看完整账号"),
}
"""Each action in words that follow "may", in English and Chinese."""
