"""``points_post`` waits for no account out of order, not even for one it came to late (PostgreSQL only).

An UPDATE that had to wait for its row and then finds too little in it leaves the row locked. Going on to the holder's
other accounts it could come to one that stands before that row in the lock order, and wait for somebody who waits for
it: 62 deadlocks in 138,674 answers of a storm. Now it takes there only what nobody holds.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

FUNCTION = """
CREATE OR REPLACE FUNCTION points_post(
    scheme bigint, new_id bigint, new_kind text, new_key text, actor bigint, hash text, from_kind text, from_id bigint,
    happened_at timestamptz, at timestamptz, today text,
    holders bigint[], units bigint[], classes text[], marks text[], stripes bigint[], amounts bigint[],
    OUT posted bigint, OUT first_hash text
) LANGUAGE plpgsql AS $$
DECLARE
    leg integer;
    amount bigint;
    rest bigint;
    soonest text;
    lot record;
    account bigint;
    number bigint;
    became bigint;
    ids bigint[];
    moved bigint[];
    seqs bigint[];
    balances bigint[];
    lines integer := 0;
    is_short boolean := false;
BEGIN
    FOR leg IN 1 .. cardinality(amounts) LOOP
        amount := amounts[leg];
        IF marks[leg] IS NOT NULL THEN
            UPDATE accounts a SET balance = a.balance + amount, seq = a.seq + 1
            WHERE a.scheme_id = scheme AND a.holder_id = holders[leg] AND a.unit_id = units[leg]
                AND a.class = classes[leg] AND a.mark = marks[leg] AND a.stripe = stripes[leg]
                AND (amount > 0 OR a.balance - a.held + amount >= COALESCE(a.floor, -9007199254740992))
                AND (amount < 0 OR a.balance + amount <= COALESCE(a.ceiling, 9007199254740992))
            RETURNING a.id, a.seq, a.balance INTO account, number, became;
            is_short := NOT FOUND;
            EXIT WHEN is_short;
            lines := lines + 1;
            ids[lines] := account;
            moved[lines] := amount;
            seqs[lines] := number;
            balances[lines] := became;
            CONTINUE;
        END IF;
        soonest := CASE WHEN classes[leg] = 'wallet' THEN today ELSE '' END;
        -- Most often the first account has it all.
        UPDATE accounts a SET balance = a.balance + amount, seq = a.seq + 1
        WHERE a.scheme_id = scheme AND a.balance - a.held + amount >= a.floor AND a.id = (
            SELECT b.id FROM accounts b
            WHERE b.scheme_id = scheme AND b.holder_id = holders[leg] AND b.unit_id = units[leg]
                AND b.class = classes[leg] AND b.mark >= soonest AND b.balance - b.held > b.floor
            ORDER BY b.mark LIMIT 1)
        RETURNING a.id, a.seq, a.balance INTO account, number, became;
        IF FOUND THEN
            lines := lines + 1;
            ids[lines] := account;
            moved[lines] := amount;
            seqs[lines] := number;
            balances[lines] := became;
            CONTINUE;
        END IF;
        rest := -amount;
        WHILE rest > 0 LOOP
            -- Never waiting: an update that was turned away after a wait has left its account locked, and to one that
            -- comes before it points may have come back meanwhile. Where one would have to wait, the statements do.
            SELECT b.id, b.mark, LEAST(rest, b.balance - b.held - b.floor) AS part INTO lot FROM accounts b
            WHERE b.scheme_id = scheme AND b.holder_id = holders[leg] AND b.unit_id = units[leg]
                AND b.class = classes[leg] AND b.mark >= soonest AND b.balance - b.held > b.floor
            ORDER BY b.mark LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
            is_short := NOT FOUND OR EXISTS (
                SELECT FROM accounts b
                WHERE b.scheme_id = scheme AND b.holder_id = holders[leg] AND b.unit_id = units[leg]
                    AND b.class = classes[leg] AND b.mark >= soonest AND b.mark < lot.mark
                    AND b.balance - b.held > b.floor);
            EXIT WHEN is_short;
            UPDATE accounts a SET balance = a.balance - lot.part, seq = a.seq + 1
            WHERE a.scheme_id = scheme AND a.id = lot.id
            RETURNING a.seq, a.balance INTO number, became;
            lines := lines + 1;
            ids[lines] := lot.id;
            moved[lines] := -lot.part;
            seqs[lines] := number;
            balances[lines] := became;
            rest := rest - lot.part;
            soonest := lot.mark;
        END LOOP;
        EXIT WHEN is_short;
    END LOOP;
    IF NOT is_short THEN
        INSERT INTO transfers (scheme_id, id, kind, key, actor_id, request_hash, source_kind, source_id,
            occurred_at, recorded_at)
        VALUES (scheme, new_id, new_kind, new_key, actor, hash, from_kind, from_id,
            happened_at, at + (clock_timestamp() - statement_timestamp()))
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            INSERT INTO postings (scheme_id, transfer_id, line, account_id, amount, seq, balance_after)
            SELECT scheme, new_id, n - 1, l.id, l.amount, l.seq, l.balance
            FROM unnest(ids, moved, seqs, balances) WITH ORDINALITY AS l(id, amount, seq, balance, n);
            posted := new_id;
            RETURN;
        END IF;
    END IF;
    FOR leg IN 1 .. lines LOOP
        UPDATE accounts a SET balance = a.balance - moved[leg], seq = a.seq - 1
        WHERE a.scheme_id = scheme AND a.id = ids[leg];
    END LOOP;
    SELECT t.id, t.request_hash INTO posted, first_hash FROM transfers t
    WHERE t.scheme_id = scheme AND t.actor_id = actor AND t.key = new_key;
END $$
"""
FORMER = """
CREATE OR REPLACE FUNCTION points_post(
    scheme bigint, new_id bigint, new_kind text, new_key text, actor bigint, hash text, from_kind text, from_id bigint,
    happened_at timestamptz, at timestamptz, today text,
    holders bigint[], units bigint[], classes text[], marks text[], stripes bigint[], amounts bigint[],
    OUT posted bigint, OUT first_hash text
) LANGUAGE plpgsql AS $$
DECLARE
    leg integer;
    amount bigint;
    rest bigint;
    soonest text;
    lot record;
    account bigint;
    number bigint;
    became bigint;
    ids bigint[];
    moved bigint[];
    seqs bigint[];
    balances bigint[];
    lines integer := 0;
    is_short boolean := false;
BEGIN
    FOR leg IN 1 .. cardinality(amounts) LOOP
        amount := amounts[leg];
        IF marks[leg] IS NOT NULL THEN
            UPDATE accounts a SET balance = a.balance + amount, seq = a.seq + 1
            WHERE a.scheme_id = scheme AND a.holder_id = holders[leg] AND a.unit_id = units[leg]
                AND a.class = classes[leg] AND a.mark = marks[leg] AND a.stripe = stripes[leg]
                AND (amount > 0 OR a.balance - a.held + amount >= COALESCE(a.floor, -9007199254740992))
                AND (amount < 0 OR a.balance + amount <= COALESCE(a.ceiling, 9007199254740992))
            RETURNING a.id, a.seq, a.balance INTO account, number, became;
            is_short := NOT FOUND;
            EXIT WHEN is_short;
            lines := lines + 1;
            ids[lines] := account;
            moved[lines] := amount;
            seqs[lines] := number;
            balances[lines] := became;
            CONTINUE;
        END IF;
        soonest := CASE WHEN classes[leg] = 'wallet' THEN today ELSE '' END;
        -- Most often the first account has it all.
        UPDATE accounts a SET balance = a.balance + amount, seq = a.seq + 1
        WHERE a.scheme_id = scheme AND a.balance - a.held + amount >= a.floor AND a.id = (
            SELECT b.id FROM accounts b
            WHERE b.scheme_id = scheme AND b.holder_id = holders[leg] AND b.unit_id = units[leg]
                AND b.class = classes[leg] AND b.mark >= soonest AND b.balance - b.held > b.floor
            ORDER BY b.mark LIMIT 1)
        RETURNING a.id, a.seq, a.balance INTO account, number, became;
        IF FOUND THEN
            lines := lines + 1;
            ids[lines] := account;
            moved[lines] := amount;
            seqs[lines] := number;
            balances[lines] := became;
            CONTINUE;
        END IF;
        rest := -amount;
        WHILE rest > 0 LOOP
            -- Onwards only: to an account before those that are locked points may have come back meanwhile.
            SELECT b.id, b.mark, LEAST(rest, b.balance - b.held - b.floor) AS part INTO lot FROM accounts b
            WHERE b.scheme_id = scheme AND b.holder_id = holders[leg] AND b.unit_id = units[leg]
                AND b.class = classes[leg] AND b.mark >= soonest AND b.balance - b.held > b.floor
            ORDER BY b.mark LIMIT 1 FOR NO KEY UPDATE;
            is_short := NOT FOUND;
            EXIT WHEN is_short;
            UPDATE accounts a SET balance = a.balance - lot.part, seq = a.seq + 1
            WHERE a.scheme_id = scheme AND a.id = lot.id
            RETURNING a.seq, a.balance INTO number, became;
            lines := lines + 1;
            ids[lines] := lot.id;
            moved[lines] := -lot.part;
            seqs[lines] := number;
            balances[lines] := became;
            rest := rest - lot.part;
            soonest := lot.mark;
        END LOOP;
        EXIT WHEN is_short;
    END LOOP;
    IF NOT is_short THEN
        INSERT INTO transfers (scheme_id, id, kind, key, actor_id, request_hash, source_kind, source_id,
            occurred_at, recorded_at)
        VALUES (scheme, new_id, new_kind, new_key, actor, hash, from_kind, from_id,
            happened_at, at + (clock_timestamp() - statement_timestamp()))
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            INSERT INTO postings (scheme_id, transfer_id, line, account_id, amount, seq, balance_after)
            SELECT scheme, new_id, n - 1, l.id, l.amount, l.seq, l.balance
            FROM unnest(ids, moved, seqs, balances) WITH ORDINALITY AS l(id, amount, seq, balance, n);
            posted := new_id;
            RETURN;
        END IF;
    END IF;
    FOR leg IN 1 .. lines LOOP
        UPDATE accounts a SET balance = a.balance - moved[leg], seq = a.seq - 1
        WHERE a.scheme_id = scheme AND a.id = ids[leg];
    END LOOP;
    SELECT t.id, t.request_hash INTO posted, first_hash FROM transfers t
    WHERE t.scheme_id = scheme AND t.actor_id = actor AND t.key = new_key;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FUNCTION)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FORMER)
