"""The connection to PostgreSQL: what we ask of the driver beyond what it does."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Any

from flask import has_request_context

# Written only when the transaction wrote nothing (a recorded result was found again): a commit waits for the standby
# only if there is something to wait for, and what was found may not have reached the standby itself.
SETTLE = "SELECT pg_logical_emit_message(true, 'points', '') WHERE pg_current_xact_id_if_assigned() IS NULL"


ANSWER_S = 60.0  # so long a request waits for one answer of the database


@cache
def connection_class() -> Any:
    import psycopg  # takes half a second, which an installation on SQLite need not wait for
    from psycopg.adapt import Transformer
    from psycopg.generators import execute
    from psycopg.pq import ExecStatus, TransactionStatus

    class OurConnection(psycopg.Connection[Any]):
        """Keeps what it has prepared when a transaction is rolled back. psycopg would forget it then (the objects it
        names might be gone), and after every refusal all would be parsed and planned anew, at twice the cost.

        A commit whose wait for the standby was cut short is an error: it may be lost with this server. Done again with
        the same key it finds what was recorded, and waits for the standby once more.
        """

        is_replicated = False  # whether commits wait for a standby; asked when the connection is opened
        was_cut_short = False

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.add_notice_handler(self.hear)
            self.prepared: dict[str, bytes] = {}  # text → its name on this line; as many as the program has of them
            self.numbers, self.reader = count(), Transformer(self)
            self.is_due = False  # whether a transaction was announced and BEGIN has not gone yet

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            """Within a request, not for ever: a server that is reached and says nothing (stopped, or behind a broken
            line that keeps the connection up) would hold the thread, and in the end all of them."""
            if timeout is not None or not has_request_context():
                return super().wait(gen, interval, timeout)
            try:
                return super().wait(gen, interval, ANSWER_S)
            except psycopg.errors._WaitTimeout:
                self.close()
                raise psycopg.OperationalError(f"the database has not answered for {ANSWER_S:.0f} s") from None

        def hear(self, notice: psycopg.errors.Diagnostic) -> None:
            if notice.source_function == "SyncRepWaitForLSN":  # the one word of the warning that is never translated
                self.was_cut_short = True

        def ask(self, text: str, values: list[str | None], alone: bool = False) -> list[Any]:
            """The rows of a statement that is prepared when it is first asked on this line. Without a cursor: setting
            one up takes longer than sending and reading. With one where nothing may be prepared, or psycopg begins.

            alone  it needs no BEGIN before it: a read, or a call that is all that its transaction writes
            """
            if self.prepare_threshold is None or not self.autocommit:
                cursor = psycopg.RawCursor(self)
                cursor.execute(text, values)
                return cursor.fetchall() if cursor.description else []
            given = [None if value is None else value.encode() for value in values]
            with self.lock:
                if self.is_due and not alone:
                    self.wait(self._start_query())
                self._check_connection_ok()
                if (name := self.prepared.get(text)) is None:
                    name = f"points_{next(self.numbers)}".encode()
                    self.pgconn.send_prepare(name, text.encode())
                    self._answer()
                    self.prepared[text] = name
                self.pgconn.send_query_prepared(name, given)
                self.reader.set_pgresult(result := self._answer())
                return self.reader.load_rows(0, result.ntuples, tuple)

        def _answer(self) -> Any:
            [result] = self.wait(execute(self.pgconn))
            if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
                raise psycopg.errors.error_from_result(result)
            return result

        def _deallocate(self, name: bytes | None) -> Any:
            if name is None:  # all of them: psycopg does so after a rollback to a savepoint, and after a DROP
                self.prepared.clear()
            return super()._deallocate(name)

        def begin(self) -> None:
            """Announce a transaction. BEGIN goes before the first statement that writes or locks: at READ COMMITTED
            what only reads sees the same without it."""
            self.is_due = True

        def _start_query(self) -> Any:
            if self.is_due:
                self.is_due = False
                yield from self._exec_command(b"BEGIN READ WRITE")
            yield from super()._start_query()

        def commit(self) -> None:
            is_open = self.pgconn.transaction_status == TransactionStatus.INTRANS
            if self.is_replicated and (is_open or self.is_due) and not self.read_only:
                self.execute(SETTLE)
            self.is_due = self.was_cut_short = False
            super().commit()
            self.check_confirmed()

        def ask_whole(self, text: str, values: list[str | None]) -> list[Any]:
            """Ask what is all that the announced transaction writes: it commits by itself, unless BEGIN has gone."""
            if not self.is_due:
                return self.ask(text, values)
            self.is_due = self.was_cut_short = False
            rows = self.ask(text, values, alone=True)
            self.check_confirmed()
            return rows

        def check_confirmed(self) -> None:
            if self.was_cut_short:
                raise psycopg.OperationalError("committed on this server, but no standby has confirmed it")

        def rollback(self) -> None:
            self.is_due = False
            if self.pgconn.transaction_status == TransactionStatus.IDLE:
                return  # the pool asks at every return
            if self.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
                with self.lock:
                    self.wait(self._exec_command(b"ROLLBACK"))
            else:
                super().rollback()

    return OurConnection
