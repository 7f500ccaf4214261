"""The life of one loan, from application to settlement, as the lending procedure reads."""

import asyncio
from datetime import date, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from models.keys import BANK_QUEUE
from models.loans import CLOSED, WITHDRAWABLE, Stage
from models.messages import (
    AdvanceOrder,
    BooksOrder,
    ChangeOrder,
    ChangeProgress,
    ChangeWithdrawal,
    CollectOrder,
    CommandOnBooks,
    CommandOrder,
    CommandResult,
    DecideOnBooks,
    DecisionOrder,
    LoanOrder,
    LoanState,
    MoneyNotice,
    NextDay,
    PrepaymentOrder,
    PrepayOnBooks,
    Progress,
    ProposeOnBooks,
    StepKind,
    TakeBackOnBooks,
    VerificationOrder,
)
from models.payments import PaymentStatus
from models.staff import Role
from models.verification import ANSWERED
from workflows.asking import BANK_RETRY, Asking

DAYS_PER_RUN = 370
"""A run in repayment ends after about a year of business days, so that no history grows long."""

BANK_PATIENCE = timedelta(days=3)
"""How long a payout may stay without an outcome before a person looks at it."""
PREPAYMENT_PATIENCE = timedelta(seconds=45)
"""How long a borrower waits for his prepayment."""


@workflow.defn(name="Loan")
class LoanWorkflow(Asking):
    """One loan. The books hold its data; this holds what happens next and what it waits for."""

    @workflow.init
    def __init__(self, order: LoanOrder) -> None:
        self.order = order
        self.stage = order.stage
        self.seq = order.seq
        self.round = order.round
        self.task_id = order.task_id
        self.payouts = order.payouts
        self.next_day = order.next_day
        self.money_came_in = order.money_came_in
        self.changes = order.changes
        self.one_at_a_time = asyncio.Lock()
        self.is_drawing = False
        self.in_trouble = self.helped = False
        self.run_began = self._today()

    @workflow.run
    async def run(self, order: LoanOrder) -> LoanState:  # noqa: ARG002 `__init__` has read it
        """Takes the loan from the stage it stands at to its end."""
        while self.stage not in CLOSED:
            if self.in_trouble:
                await self._wait_for_help()
            elif self.stage in (Stage.APPLICATION, Stage.VERIFICATION, Stage.GRADING):
                await self._verify_and_grade()
            elif self.stage is Stage.APPROVAL:
                await self._wait_for_approval()
            elif self.stage is Stage.RETURNED:
                await self._wait_for_completion()
            elif self.stage is Stage.ACCEPTANCE:
                await self._wait_for_acceptance()
            elif self.stage is Stage.DISBURSEMENT:
                await self._pay_out()
            elif self.stage is Stage.PAYOUT_FAILED:
                await workflow.wait_condition(lambda: self.stage is not Stage.PAYOUT_FAILED)
            else:
                await self._repay_until_next_run()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self.money_came_in:
            await self._on_books("sweep_closed_loan", BooksOrder(**self._books_order("sweep")), Progress)
        return self.state()

    # -- the procedure, stage by stage ------------------------------------------------------------------------------

    async def _verify_and_grade(self) -> None:
        """All registers at once. One without an answer leaves its mark, or stops the case until somebody helps."""
        self.stage = Stage.VERIFICATION
        checks = asyncio.gather(*(self._ask_register(check) for check in self.order.checks))
        await workflow.wait_condition(lambda: checks.done() or self.stage in CLOSED)
        if self.stage in CLOSED:
            checks.cancel()
            # An answer that came in just as the run ends would make the engine take back the run's last task.
            await asyncio.gather(checks, return_exceptions=True)
            return
        outcomes = [part for outcome in checks.result() for part in outcome.parts or (outcome,)]
        unanswered = tuple(outcome.check for outcome in outcomes if outcome.verdict not in ANSWERED)
        if not self.helped and await self._asks_person(outcomes):
            self.in_trouble = True
            return
        self.helped = False
        async with self.one_at_a_time:
            if self.stage is Stage.VERIFICATION:
                order = VerificationOrder(**self._books_order("grade"), unanswered=unanswered)
                await self._follow_act("grade_case", order)

    async def _wait_for_approval(self) -> None:
        """Until somebody decides; a late task goes up, a step at a time, and then stays there in sight."""
        task_id = self.task_id
        for _ in range(self.order.escalations + 1):
            if await self._within_full(self.order.approval_days, lambda: self._is_past(Stage.APPROVAL, task_id)):
                return
            await self._act("escalate_task", Stage.APPROVAL)
            if self.in_trouble:
                return
        await workflow.wait_condition(lambda: self._is_past(Stage.APPROVAL, task_id))

    async def _wait_for_completion(self) -> None:
        if not await self._within_full(self.order.completion_days, lambda: self.stage is not Stage.RETURNED):
            await self._act("expire_completion", Stage.RETURNED)

    async def _wait_for_acceptance(self) -> None:
        if not await self._within_full(self.order.acceptance_days, lambda: self.stage is not Stage.ACCEPTANCE):
            await self._act("expire_offer", Stage.ACCEPTANCE)

    async def _pay_out(self) -> None:
        """Every payee, each exactly once. If one is declined, what went out comes back before anybody decides anew."""
        called_for: list[str] = []
        try:
            if not self.payouts:
                raise ApplicationError("nothing was ordered", type="PayoutDeclined")
            for key in self.payouts:
                called_for.append(key)
                result = await self._bank("pay_out", key, self._today(), BANK_PATIENCE)
                if result.status != PaymentStatus.SETTLED:
                    raise ApplicationError(result.reason_code or "declined", type="PayoutDeclined")
        except (ActivityError, ApplicationError) as error:
            if isinstance(error, ApplicationError):
                await self._call_back(called_for[:-1])
            await self._act("record_payout_failure", Stage.DISBURSEMENT)
            return
        await self._act("book_payout", Stage.DISBURSEMENT)

    async def _call_back(self, keys: list[str]) -> None:
        for key in reversed(keys):
            try:
                await self._bank("recall_payout", key, self._today(), BANK_PATIENCE)
            except ActivityError:
                # No answer in time: the payout stays out, and finance sees to the loan.
                workflow.logger.warning("a recall has no outcome yet")

    async def _repay_until_next_run(self) -> None:
        """Sleeps from one day that matters to the next; money that comes in wakes it in between."""
        while self.stage is Stage.REPAYMENT:
            if self.order.stage is not Stage.REPAYMENT or self._run_is_long():
                await self._continue_as_new()
            step = self.next_day
            if self.in_trouble:
                return
            if step is not None and step.date <= self._today():
                await self._live_through(step)
            elif self.money_came_in:
                self.money_came_in = False
                async with self.one_at_a_time:
                    await self._advance(self._today(), None)
            elif any(change.expires_on < self._today() for change in self.changes):
                await self._expire_change()
            else:
                await self._sleep_until(step)

    async def _sleep_until(self, step: NextDay | None) -> None:
        """Until the day comes or something else happens; without a day, until something happens."""

        changes = self.changes

        def woken() -> bool:
            moved_on = self.next_day != step or self.changes != changes or self.stage is not Stage.REPAYMENT
            return self.money_came_in or moved_on or self.in_trouble

        days = [change.expires_on + timedelta(days=1) for change in changes] + ([step.date] if step else [])
        if not days:
            await workflow.wait_condition(woken)
            return
        opens = self.order.clock.opens_at(min(days)) - workflow.now()
        await self._sleep(max(opens, timedelta(0)), woken)

    async def _expire_change(self) -> None:
        """Nobody decided in time: the proposal falls away, and the loan goes on as it was."""
        async with self.one_at_a_time:
            order = BooksOrder(**self._books_order("expire_change"))
            try:
                self.changes = (await self._on_books("expire_change", order, ChangeProgress)).changes
            except (ActivityError, ApplicationError):
                self.in_trouble = True
                await self._report("expire_change_refused", Role.RISK)

    async def _live_through(self, step: NextDay) -> None:
        async with self.one_at_a_time:
            if self.next_day == step and self.stage is Stage.REPAYMENT:
                await self._take(step)

    async def _take(self, step: NextDay) -> None:
        """One day that matters, under its planned date, so that a late engine never makes a borrower late."""
        if step.claim:
            await self._draw("claim_subsidy", step, subsidy=True)
        if step.collect:
            await self._draw("collect", step, subsidy=False)
        await self._advance(step.date, step.why)

    async def _draw(self, operation: str, step: NextDay, *, subsidy: bool) -> None:
        """Asks the bank to draw what is due. Without an outcome in time the account goes on."""
        order = CollectOrder(loan=self.order.loan, key=self._key(operation), day=step.date, n=step.n, subsidy=subsidy)
        self.is_drawing = True
        try:
            await workflow.execute_activity(
                "collect",
                order,
                task_queue=BANK_QUEUE,
                start_to_close_timeout=timedelta(seconds=20),
                schedule_to_close_timeout=max(self.order.clock.length_of(1), timedelta(minutes=1)),
                retry_policy=BANK_RETRY,
            )
        except ActivityError:
            await self._report(f"{operation}_without_outcome", Role.FINANCE)
        finally:
            self.is_drawing = False

    async def _advance(self, day: date, why: StepKind | None) -> None:
        await self._follow_act("advance_account", AdvanceOrder(**self._books_order("advance") | {"day": day}, why=why))
        if self.in_trouble and why is None:
            # Before the next day that matters nothing else would take the money up.
            self.money_came_in = True

    # -- commands and messages --------------------------------------------------------------------------------------

    @workflow.update
    async def decide(self, decision: DecisionOrder) -> CommandResult:
        """A person's decision on the task that the loan waits for."""
        async with self.one_at_a_time:
            self.check_decision(decision)
            return await self._decide(decision)

    @decide.validator
    def check_decision(self, decision: DecisionOrder) -> None:
        """Refuses a decision on any other task than those waited for."""
        if self._is_about_change(decision):
            self._require_calm("a change")
        elif decision.task_id != self.task_id or self.stage not in (Stage.APPROVAL, Stage.PAYOUT_FAILED):
            raise ApplicationError(f"task {decision.task_id} is not open any more", type="task_closed")

    @workflow.signal
    async def decision_made(self, decision: DecisionOrder) -> None:
        """The same decision from somebody who does not wait; the audit log has the refusal of one that is refused."""
        async with self.one_at_a_time:
            try:
                await self._decide(decision)
            except ApplicationError:
                workflow.logger.warning("a decision by signal was refused")

    async def _decide(self, decision: DecisionOrder) -> CommandResult:
        if self._is_about_change(decision):
            await self._catch_up("a change")
        # One decision a task: if the answer to it was ever lost, the same task gives the same result again.
        order = DecideOnBooks(**self._books_order(command=f"decision {decision.task_id}"), decision=decision)
        self._follow(await self._command_on_books("record_decision", order, Progress))
        return CommandResult(stage=self.stage, sentence=f"the decision is recorded: {decision.outcome}")

    def _is_about_change(self, decision: DecisionOrder) -> bool:
        return any(change.task_id == decision.task_id for change in self.changes)

    @workflow.update
    async def propose_change(self, change: ChangeOrder) -> CommandResult:
        """Somebody proposes a change, which another person decides; the loan goes on as it is until then."""
        async with self.one_at_a_time:
            await self._catch_up(change.kind)
            order = ProposeOnBooks(**self._books_order(command=change.command_id), change=change)
            result = await self._command_on_books("propose_change", order, ChangeProgress)
            self.changes = result.changes
            return CommandResult(stage=self.stage, sentence="the change is proposed", proposal=result.proposal)

    @propose_change.validator
    def check_proposal(self, change: ChangeOrder) -> None:
        """Refuses a change of a loan that is not running or that is busy."""
        self._require_calm(change.kind)

    @workflow.update
    async def take_back_change(self, withdrawal: ChangeWithdrawal) -> CommandResult:
        """Whoever proposed a change takes it back."""
        async with self.one_at_a_time:
            order = TakeBackOnBooks(**self._books_order(command=withdrawal.command_id), withdrawal=withdrawal)
            result = await self._command_on_books("take_back_change", order, ChangeProgress)
            self.changes = result.changes
            return CommandResult(stage=self.stage, sentence="the proposal is withdrawn", proposal=result.proposal)

    @take_back_change.validator
    def check_taking_back(self, withdrawal: ChangeWithdrawal) -> None:  # noqa: ARG002 a validator has its update's signature
        """Refuses it where nothing is proposed."""
        self._require("withdrawal of a proposal", Stage.REPAYMENT)

    async def _catch_up(self, act: str) -> None:
        """Lives through what is due and books what came in, so that a change meets the loan as it is today."""
        await self._live_through_due_days(act)
        if self.money_came_in:
            self.money_came_in = False
            await self._advance(self._today(), None)
            self._require(act, Stage.REPAYMENT)

    async def _live_through_due_days(self, act: str) -> None:
        while self._may_go_on() and self.next_day is not None and self.next_day.date <= self._today():
            await self._take(self.next_day)
        self._require(act, Stage.REPAYMENT)
        if self.in_trouble:
            raise ApplicationError("the loan waits for help; ask again when it goes on", type="loan_in_trouble")

    def _require_calm(self, act: str) -> None:
        """Refuses an act on a loan that is not running, or in the middle of a debit."""
        self._require(act, Stage.REPAYMENT)
        if self.is_drawing:
            raise ApplicationError(
                "a debit of this loan is under way; ask again when it is done", type="debit_under_way"
            )

    @workflow.update
    async def accept(self, command: CommandOrder) -> CommandResult:
        """The borrower accepts the contract."""
        return await self._command("accept_contract", command, Stage.ACCEPTANCE)

    @accept.validator
    def check_acceptance(self, command: CommandOrder) -> None:  # noqa: ARG002 a validator has its update's signature
        """Refuses an acceptance where no offer waits."""
        self._require("acceptance", Stage.ACCEPTANCE)

    @workflow.update
    async def complete(self, command: CommandOrder) -> CommandResult:
        """What was missing is there: verify again."""
        return await self._command("complete_case", command, Stage.RETURNED)

    @complete.validator
    def check_completion(self, command: CommandOrder) -> None:  # noqa: ARG002 a validator has its update's signature
        """Refuses a completion of a case that was not sent back."""
        self._require("completion", Stage.RETURNED)

    @workflow.update
    async def withdraw(self, command: CommandOrder) -> CommandResult:
        """The borrower walks away before money moves."""
        return await self._command("withdraw_loan", command, *WITHDRAWABLE)

    @withdraw.validator
    def check_withdrawal(self, command: CommandOrder) -> None:  # noqa: ARG002 a validator has its update's signature
        """Refuses a withdrawal once money is out or on its way."""
        self._require("withdrawal", *WITHDRAWABLE)

    @workflow.update
    async def prepay(self, prepayment: PrepaymentOrder) -> CommandResult:
        """Draws a prepayment today and brings the account up to it."""
        async with self.one_at_a_time:
            await self._live_through_due_days("prepayment")
            order = PrepayOnBooks(**self._books_order(command=prepayment.command_id), prepayment=prepayment)
            asked = await self._command_on_books("order_prepayment", order, CommandResult)
            try:
                result = await self._bank("pay_in", asked.payment_key or "", order.day, PREPAYMENT_PATIENCE)
            except ActivityError as error:
                self._ask_again_tomorrow()
                raise ApplicationError(
                    "the bank has not answered yet; the prepayment is booked as soon as it does", type="outcome_unknown"
                ) from error
            await self._advance(order.day, None)
            if result.status != PaymentStatus.SETTLED:
                raise ApplicationError(
                    f"the bank declined the prepayment: {result.reason_code}", type="prepayment_declined"
                )
            sentence = "the loan is settled" if self.stage is Stage.SETTLED else "the prepayment is booked"
            return CommandResult(stage=self.stage, sentence=sentence, payment_key=asked.payment_key)

    @prepay.validator
    def check_prepayment(self, prepayment: PrepaymentOrder) -> None:
        """Refuses a prepayment of a loan that is not running."""
        self._require_calm("prepayment")
        if prepayment.amount_fen is not None and prepayment.amount_fen <= 0:
            raise ApplicationError("a prepayment is above zero", type="invalid_prepayment")

    @workflow.signal
    def money_moved(self, notice: MoneyNotice) -> None:  # noqa: ARG002 the row in the books has the facts
        """The bank reported money of this loan; the books have the row."""
        self.money_came_in = True

    @workflow.signal
    async def look_again(self) -> None:
        """Somebody helped, or the books know more than this run: takes up what they say."""
        async with self.one_at_a_time:
            self.in_trouble = False
            await self._follow_act("look_up_position", BooksOrder(**self._books_order("position")))
            if self.next_day is not None and self.next_day.collect:
                # What is drawn now may be of a later day than the step that draws it.
                self.money_came_in = True

    @workflow.query
    def state(self) -> LoanState:
        """Where the loan stands and what it waits for."""
        return LoanState(
            loan=self.order.loan,
            stage=self.stage,
            task_id=self.task_id,
            next_day=self.next_day,
            seq=self.seq,
            runs=self.order.runs,
            waits_for=None if self.stage in CLOSED else str(self.stage),
            changes=self.changes,
        )

    # -- acts, and taking up what they came to -----------------------------------------------------------------------

    async def _act(self, activity: str, stage: Stage) -> None:
        """An act of the procedure itself, unless somebody moved the loan on in the meantime."""
        async with self.one_at_a_time:
            if self.stage is stage:
                await self._follow_act(activity, BooksOrder(**self._books_order(activity)))

    async def _follow_act(self, activity: str, order: BooksOrder) -> None:
        """Takes up what an act came to. One that the books refuse needs a person: a refusal must not end the loan."""
        try:
            self._follow(await self._on_books(activity, order, Progress))
        except (ActivityError, ApplicationError):
            # A local activity that fails raises its own error and not, like others, an ActivityError around it.
            self.in_trouble = True
            await self._report(f"{activity}_refused", Role.RISK)

    async def _wait_for_help(self) -> None:
        """Until somebody helped (`look_again`), but tries by itself once a business day."""
        self.helped = await self._within(1, lambda: not self.in_trouble)
        self.in_trouble = False

    def _ask_again_tomorrow(self) -> None:
        """A payment without an outcome is asked about on the next day at the latest."""
        tomorrow = self._today() + timedelta(days=1)
        if self.next_day is None or self.next_day.date > tomorrow:
            self.next_day = NextDay(date=tomorrow, why=StepKind.DUE, collect=True)
        else:
            self.next_day = self.next_day.model_copy(update={"collect": True})

    async def _command(self, activity: str, command: CommandOrder, *stages: Stage) -> CommandResult:
        async with self.one_at_a_time:
            self._require(activity, *stages)
            order = CommandOnBooks(**self._books_order(command=command.command_id), command=command)
            self._follow(await self._command_on_books(activity, order, Progress))
            return CommandResult(stage=self.stage, sentence=f"the loan is now at {self.stage}")

    def _follow(self, progress: Progress) -> None:
        if self.stage in (Stage.RETURNED, Stage.APPROVAL) and progress.stage is Stage.VERIFICATION:
            self.round += 1
        self.stage = progress.stage
        self.task_id = progress.task_id
        self.next_day = progress.next_day
        if progress.payouts:
            self.payouts = progress.payouts
        if progress.changes is not None:
            self.changes = progress.changes

    def _require(self, act: str, *stages: Stage) -> None:
        if self.stage not in stages:
            raise ApplicationError(
                f"loan {self.order.loan} is at {self.stage}; {act} is not possible there", type="wrong_stage"
            )

    def _is_past(self, stage: Stage, task_id: str | None) -> bool:
        return self.stage is not stage or self.task_id != task_id

    def _may_go_on(self) -> bool:
        return self.stage is Stage.REPAYMENT and not self.in_trouble

    def _run_is_long(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() or (self._today() - self.run_began).days >= DAYS_PER_RUN

    async def _continue_as_new(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(
            self.order.model_copy(
                update={
                    "stage": self.stage,
                    "seq": self.seq,
                    "round": self.round,
                    "task_id": self.task_id,
                    "next_day": self.next_day,
                    "money_came_in": self.money_came_in,
                    "runs": self.order.runs + 1,
                    "payouts": (),
                    "changes": self.changes,
                }
            )
        )
