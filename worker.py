"""The Temporal worker: what runs on which queue, tuned how."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import aiohttp
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.accounts import CardCheckSender, MandateSender
from activities.bank import BankActs
from activities.behaviour import BehaviourActs
from activities.collateral import CollateralActs
from activities.deadlines import DeadlineActs
from activities.documents import ReadingDesk
from activities.faults import FaultInterceptor
from activities.loan import LoanActs
from activities.month_end import MonthEndActs
from activities.origin import OriginInterceptor
from activities.papers import PaperPress
from activities.payouts import PayoutActs
from activities.proving import ProvingActs
from activities.reconciliation import ReconciliationActs
from activities.refunds import RefundSender
from activities.registers import RegisterActs, Registers
from activities.sealing import SealingActs
from activities.search import make_all_findable
from activities.secrets import AuthorisationLinkSender, SignInCodeSender, SigningCodeSender
from activities.sms import SmsSender
from activities.webhooks import NewsDesk
from books.session import Books
from engine.archivist import Archivist
from engine.commands import LoanCommands
from engine.deliveries import Delivery
from engine.dispatcher import Dispatcher
from engine.histories import Histories
from engine.schedules import tend_schedules
from engine.versions import code_version
from gateways.bank import BankGateway
from gateways.bank_messages import BankProtocol, OwnAccount
from gateways.breaker import Breakers, set_breakers
from gateways.bureau import CreditBureau
from gateways.cards import CardRegister
from gateways.connection import open_session
from gateways.enrolment import EnrolmentRegister
from gateways.identity import IdentityRegister
from gateways.screening import ScreeningProvider
from gateways.sms import SmsGateway
from gateways.vehicles import VehicleRegister
from gateways.webhooks import WebhookGateway
from models.attesting import SigningKey
from models.keys import BANK_QUEUE, LOANS_QUEUE, REGISTERS_QUEUE
from models.outbox import Topic
from services.paper_contents import Lender
from settings import Settings
from workflows.behaviour import BehaviourScoresWorkflow
from workflows.collateral import CollateralWatchWorkflow
from workflows.deadlines import DeadlinesWorkflow
from workflows.loan import LoanWorkflow
from workflows.month_end import MonthEndWorkflow
from workflows.proving import ProveAuditWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.sealing import SealAuditWorkflow

WORKFLOW_TASKS = 20
"""A small fixed number: mass replay after a restart would otherwise trip the deadlock detector."""
BOOKS_THREADS = 8
STOP_PATIENCE = timedelta(seconds=10)
PURE_ROOMS = ("lending", "models", "pydantic", "sqlalchemy", "sqlmodel")
"""Loaded once for all runs of the sandbox: to load the tables anew for every run would cost it two seconds each."""


@asynccontextmanager
async def running(
    settings: Settings, client: Client, books: Books, *, sandbox: bool = False
) -> AsyncIterator[Dispatcher]:
    """Workers on all three queues while the block lasts; gives the dispatcher, which the caller runs or drains.

    The sandbox checks workflow code for determinism and belongs in tests: it costs CPU for every loan.
    """
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session())
        set_breakers(session, Breakers(settings.breaker_failures, settings.breaker_rest_seconds))
        threads = stack.enter_context(ThreadPoolExecutor(BOOKS_THREADS, thread_name_prefix="books"))
        for worker in workers(settings, client, books, session, threads, sandbox=sandbox):
            await stack.enter_async_context(worker)
        gateway = SmsGateway(session, *_address(settings, "sms"))
        bank = _bank_acts(settings, books, session)
        senders: dict[Topic, Delivery] = {
            Topic.SMS: SmsSender(gateway),
            Topic.SIGNING_CODE: SigningCodeSender(books, gateway),
            Topic.SIGN_IN_CODE: SignInCodeSender(books, gateway),
            Topic.AUTHORISATION_LINK: AuthorisationLinkSender(books, gateway, settings.pages_url),
            Topic.REFUND: RefundSender(bank),
            Topic.CARD_CHECK: CardCheckSender(books, CardRegister(session, *_address(settings, "cards"))),
            Topic.MANDATE: MandateSender(books, bank.bank),
        }
        yield Dispatcher(books, LoanCommands(client), senders, settings.dispatch_per_second)


def workers(
    settings: Settings,
    client: Client,
    books: Books,
    session: aiohttp.ClientSession,
    threads: ThreadPoolExecutor,
    *,
    sandbox: bool = False,
) -> list[Worker]:
    """One worker for each queue."""
    loan_acts = LoanActs(books)
    month_ends = MonthEndActs(books)
    behaviour = BehaviourActs(books)
    collateral = CollateralActs(books)
    deadlines = DeadlineActs(books)
    sealing = SealingActs(books)
    proving = ProvingActs(books, code_version(), settings.evidence_folder, _evidence_keys(settings))
    registers = RegisterActs(
        books,
        Registers(
            IdentityRegister(session, *_address(settings, "identity")),
            CreditBureau(session, *_address(settings, "bureau")),
            EnrolmentRegister(session, *_address(settings, "enrolment")),
            VehicleRegister(session, *_address(settings, "vehicles")),
            ScreeningProvider(session, *_address(settings, "screening")),
        ),
    )
    bank = _bank_acts(settings, books, session)
    payouts = PayoutActs(books, bank, registers.ask_register)
    reconciliations = ReconciliationActs(books, bank.bank, settings.bank_account)
    return [
        Worker(
            client,
            task_queue=LOANS_QUEUE,
            interceptors=[OriginInterceptor(), FaultInterceptor()],
            build_id=code_version(),
            workflows=[
                LoanWorkflow,
                BehaviourScoresWorkflow,
                CollateralWatchWorkflow,
                DeadlinesWorkflow,
                MonthEndWorkflow,
                ReconciliationWorkflow,
                SealAuditWorkflow,
                ProveAuditWorkflow,
            ],
            activities=[
                loan_acts.grade_case,
                loan_acts.escalate_task,
                loan_acts.expire_completion,
                loan_acts.record_decision,
                loan_acts.propose_change,
                loan_acts.take_back_change,
                loan_acts.expire_change,
                loan_acts.complete_case,
                loan_acts.accept_contract,
                loan_acts.withdraw_loan,
                loan_acts.expire_offer,
                loan_acts.book_payout,
                loan_acts.record_payout_failure,
                loan_acts.order_prepayment,
                loan_acts.advance_account,
                loan_acts.look_up_position,
                loan_acts.report_trouble,
                loan_acts.sweep_closed_loan,
                month_ends.month_to_end,
                month_ends.end_month_page,
                behaviour.month_to_score,
                behaviour.score_page,
                collateral.watch_collateral,
                deadlines.look_at_deadlines,
                reconciliations.days_to_reconcile,
                reconciliations.reconcile_statement,
                reconciliations.note_missing_statement,
                sealing.seal_audit,
                sealing.deposit_roots,
                proving.prove_audit,
            ],
            activity_executor=threads,
            workflow_runner=sandboxed() if sandbox else UnsandboxedWorkflowRunner(),
            max_concurrent_workflow_tasks=WORKFLOW_TASKS,
            max_concurrent_local_activities=BOOKS_THREADS,
            max_cached_workflows=2000,
            graceful_shutdown_timeout=STOP_PATIENCE,
        ),
        Worker(
            client,
            task_queue=REGISTERS_QUEUE,
            interceptors=[OriginInterceptor(), FaultInterceptor()],
            build_id=code_version(),
            activities=[registers.ask_register],
            max_concurrent_activities=50,
            graceful_shutdown_timeout=STOP_PATIENCE,
        ),
        Worker(
            client,
            task_queue=BANK_QUEUE,
            interceptors=[OriginInterceptor(), FaultInterceptor()],
            build_id=code_version(),
            activities=[
                payouts.pay_out,
                bank.pay_in,
                bank.collect,
                bank.recall_payout,
                reconciliations.fetch_statement,
            ],
            max_concurrent_activities=20,
            graceful_shutdown_timeout=STOP_PATIENCE,
        ),
    ]


def sandboxed() -> SandboxedWorkflowRunner:
    """The runner that refuses workflow code which is not deterministic, for tests."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PURE_ROOMS))


async def work(settings: Settings, client: Client, books: Books, stop: asyncio.Event) -> None:
    """Runs the workers, a dispatcher, a press, a reading desk, a news desk and an archivist until `stop` is set.

    Sees to recurring schedules.
    """
    webhooks = WebhookGateway(inner_allowed=settings.webhooks_inside or settings.demo)
    async with running(settings, client, books) as dispatcher, webhooks:
        beside = [
            asyncio.create_task(dispatcher.run()),
            asyncio.create_task(tend_schedules(client, books.clock)),
            asyncio.create_task(PaperPress(books, Lender(settings.lender_name, settings.lender_name_english)).run()),
            asyncio.create_task(ReadingDesk(books).run()),
            asyncio.create_task(NewsDesk(books, webhooks).run()),
            asyncio.create_task(make_all_findable(books)),
            asyncio.create_task(Archivist(books, Histories(client)).run()),
        ]
        await stop.wait()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


def own_account(settings: Settings) -> OwnAccount:
    """The lender's account and how its bank is spoken to, as set."""
    return OwnAccount(
        protocol=BankProtocol(settings.bank_protocol),
        number=settings.bank_account,
        name=settings.bank_account_name,
        clearing_code=settings.bank_clearing_code,
        signing_secret=settings.bank_signing_secret.get_secret_value(),
    )


def _bank_acts(settings: Settings, books: Books, session: aiohttp.ClientSession) -> BankActs:
    bank = BankGateway(session, *_address(settings, "bank"), own_account(settings))
    return BankActs(books, bank, settings.state_account, settings.state_name)


def _evidence_keys(settings: Settings) -> tuple[str, ...]:
    return (SigningKey.parse(settings.signing_key.get_secret_value()).public, *settings.evidence_public_keys)


def _address(settings: Settings, service: str) -> tuple[str, str, float]:
    credential = getattr(settings, f"{service}_credential").get_secret_value()
    return f"{settings.outside_url}/{service}", credential, settings.outside_timeout_seconds
