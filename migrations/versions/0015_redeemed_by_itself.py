"""``points_redeem`` goes wholly or not at all by itself (PostgreSQL only; decision 0004).

It returned nothing when it was overtaken and left it to the application to roll back what it had written so far. Now it
is an error, so that the call can be the whole of a transaction: no row stays locked until the application has read the
answer and sent COMMIT. What the rulebook wants to be left in the wallet is looked at here too, before it is too late.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

FUNCTION = """
CREATE FUNCTION points_redeem(
    scheme bigint, serving bigint, is_new boolean, till bigint, clerk bigint, person bigint, means text,
    credential bigint, card bigint, at_step bigint, at_seq bigint, at timestamptz, on_day date, card_most bigint,
    limit_ids bigint[], periods text[], pieces bigint[],
    transfer bigint, transfer_key text, hash text, happened_at timestamptz, recorded_at timestamptz, today text,
    holders bigint[], units bigint[], classes text[], marks text[], stripes bigint[], amounts bigint[],
    receipt bigint, receipt_key text, shop bigint, points_unit bigint, total bigint,
    items bigint[], quantities bigint[], prices bigint[], least_before bigint, least_after bigint,
    OUT number bigint, OUT after bigint
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    taken integer;
    posted_id bigint;
    counted bigint;
    overtaken CONSTANT text := 'something has changed since it was looked at';
BEGIN
    IF is_new THEN
        INSERT INTO servings (scheme_id, id, till_id, clerk_id, person_id, means, credential_id, card_id, step, seq,
            began_at, expires_at, state)
        VALUES (scheme, serving, till, clerk, person, means, credential, card, at_step, at_seq, at, at, 'done');
    ELSE
        UPDATE servings s SET state = 'done', claimed = NULL, clerk_id = clerk
        WHERE s.scheme_id = scheme AND s.id = serving AND s.state = 'open' AND s.expires_at > at;
        IF NOT FOUND THEN RAISE serialization_failure USING MESSAGE = overtaken; END IF;
    END IF;
    IF credential IS NOT NULL THEN
        UPDATE code_credentials c SET used_step = at_step, used_seq = at_seq
        WHERE c.scheme_id = scheme AND c.id = credential AND (c.used_step, c.used_seq) < (at_step, at_seq);
        IF NOT FOUND THEN RAISE serialization_failure USING MESSAGE = overtaken; END IF;
    END IF;
    IF card IS NOT NULL THEN
        INSERT INTO card_usage AS u (scheme_id, person_id, day, used) VALUES (scheme, person, on_day, total)
        ON CONFLICT (scheme_id, person_id, day) DO UPDATE SET used = u.used + total WHERE u.used + total <= card_most;
        IF NOT FOUND THEN RAISE serialization_failure USING MESSAGE = overtaken; END IF;
    END IF;
    INSERT INTO till_counters AS t (scheme_id, till_id, day, last) VALUES (scheme, till, on_day, 1)
    ON CONFLICT (scheme_id, till_id, day) DO UPDATE SET last = t.last + 1
    RETURNING t.last INTO counted;
    IF cardinality(limit_ids) > 0 THEN
        INSERT INTO limit_usage AS u (scheme_id, person_id, limit_id, period, used)
        SELECT scheme, person, l.id, w.period, w.wanted
        FROM unnest(limit_ids, periods, pieces) AS w(limit_id, period, wanted)
        JOIN limits l ON l.scheme_id = scheme AND l.id = w.limit_id AND w.wanted <= l.quantity
        ORDER BY l.id
        ON CONFLICT (scheme_id, person_id, limit_id, period) DO UPDATE SET used = u.used + excluded.used
        WHERE u.used + excluded.used <= (
            SELECT l.quantity FROM limits l WHERE l.scheme_id = scheme AND l.id = excluded.limit_id);
        GET DIAGNOSTICS taken = ROW_COUNT;
        IF taken < cardinality(limit_ids) THEN RAISE serialization_failure USING MESSAGE = overtaken; END IF;
    END IF;
    SELECT p.posted INTO posted_id FROM points_post(scheme, transfer, 'redemption', transfer_key, clerk, hash, 'receipt',
        receipt, happened_at, recorded_at, today, holders, units, classes, marks, stripes, amounts) p;
    IF posted_id IS DISTINCT FROM transfer THEN RAISE serialization_failure USING MESSAGE = overtaken; END IF;
    INSERT INTO receipts (scheme_id, id, till_id, shop_id, day, count, serving_id, person_id, clerk_id, means, points,
        balance_before, balance_after, key, request_hash, transfer_id, made_at)
    SELECT scheme, receipt, till, shop, on_day, counted, serving, person, clerk, means, total,
        left_over.points + total, left_over.points, receipt_key, hash, transfer, at
    FROM (
        SELECT COALESCE(SUM(a.balance - a.held), 0)::bigint AS points FROM accounts a
        WHERE a.scheme_id = scheme AND a.holder_id = person AND a.unit_id = points_unit AND a.class = 'wallet'
            AND a.mark >= today
    ) AS left_over
    RETURNING balance_after INTO after;
    IF after < least_after OR after + total < least_before THEN
        RAISE serialization_failure USING MESSAGE = overtaken;
    END IF;
    INSERT INTO receipt_lines (scheme_id, receipt_id, line, item_id, quantity, unit_points)
    SELECT scheme, receipt, w.line, w.item, w.quantity, w.price
    FROM unnest(items, quantities, prices) WITH ORDINALITY AS w(item, quantity, price, line);
    IF credential IS NOT NULL THEN
        INSERT INTO used_codes (scheme_id, credential_id, step, seq, receipt_id)
        VALUES (scheme, credential, at_step, at_seq, receipt);
    END IF;
    number := counted;
END $$
"""
FORMER = """
CREATE FUNCTION points_redeem(
    scheme bigint, serving bigint, is_new boolean, till bigint, clerk bigint, person bigint, means text,
    credential bigint, card bigint, at_step bigint, at_seq bigint, at timestamptz, on_day date, card_most bigint,
    limit_ids bigint[], periods text[], pieces bigint[],
    transfer bigint, transfer_key text, hash text, happened_at timestamptz, recorded_at timestamptz, today text,
    holders bigint[], units bigint[], classes text[], marks text[], stripes bigint[], amounts bigint[],
    receipt bigint, receipt_key text, shop bigint, points_unit bigint, total bigint,
    items bigint[], quantities bigint[], prices bigint[],
    OUT number bigint, OUT after bigint
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    taken integer;
    posted_id bigint;
    counted bigint;
BEGIN
    IF is_new THEN
        INSERT INTO servings (scheme_id, id, till_id, clerk_id, person_id, means, credential_id, card_id, step, seq,
            began_at, expires_at, state)
        VALUES (scheme, serving, till, clerk, person, means, credential, card, at_step, at_seq, at, at, 'done');
    ELSE
        UPDATE servings s SET state = 'done', claimed = NULL, clerk_id = clerk
        WHERE s.scheme_id = scheme AND s.id = serving AND s.state = 'open' AND s.expires_at > at;
        IF NOT FOUND THEN RETURN; END IF;
    END IF;
    IF credential IS NOT NULL THEN
        UPDATE code_credentials c SET used_step = at_step, used_seq = at_seq
        WHERE c.scheme_id = scheme AND c.id = credential AND (c.used_step, c.used_seq) < (at_step, at_seq);
        IF NOT FOUND THEN RETURN; END IF;
    END IF;
    IF card IS NOT NULL THEN
        INSERT INTO card_usage AS u (scheme_id, person_id, day, used) VALUES (scheme, person, on_day, total)
        ON CONFLICT (scheme_id, person_id, day) DO UPDATE SET used = u.used + total WHERE u.used + total <= card_most;
        IF NOT FOUND THEN RETURN; END IF;
    END IF;
    INSERT INTO till_counters AS t (scheme_id, till_id, day, last) VALUES (scheme, till, on_day, 1)
    ON CONFLICT (scheme_id, till_id, day) DO UPDATE SET last = t.last + 1
    RETURNING t.last INTO counted;
    IF cardinality(limit_ids) > 0 THEN
        INSERT INTO limit_usage AS u (scheme_id, person_id, limit_id, period, used)
        SELECT scheme, person, l.id, w.period, w.wanted
        FROM unnest(limit_ids, periods, pieces) AS w(limit_id, period, wanted)
        JOIN limits l ON l.scheme_id = scheme AND l.id = w.limit_id AND w.wanted <= l.quantity
        ORDER BY l.id
        ON CONFLICT (scheme_id, person_id, limit_id, period) DO UPDATE SET used = u.used + excluded.used
        WHERE u.used + excluded.used <= (
            SELECT l.quantity FROM limits l WHERE l.scheme_id = scheme AND l.id = excluded.limit_id);
        GET DIAGNOSTICS taken = ROW_COUNT;
        IF taken < cardinality(limit_ids) THEN RETURN; END IF;
    END IF;
    SELECT p.posted INTO posted_id FROM points_post(scheme, transfer, 'redemption', transfer_key, clerk, hash, 'receipt',
        receipt, happened_at, recorded_at, today, holders, units, classes, marks, stripes, amounts) p;
    IF posted_id IS DISTINCT FROM transfer THEN RETURN; END IF;
    INSERT INTO receipts (scheme_id, id, till_id, shop_id, day, count, serving_id, person_id, clerk_id, means, points,
        balance_before, balance_after, key, request_hash, transfer_id, made_at)
    SELECT scheme, receipt, till, shop, on_day, counted, serving, person, clerk, means, total,
        left_over.points + total, left_over.points, receipt_key, hash, transfer, at
    FROM (
        SELECT COALESCE(SUM(a.balance - a.held), 0)::bigint AS points FROM accounts a
        WHERE a.scheme_id = scheme AND a.holder_id = person AND a.unit_id = points_unit AND a.class = 'wallet'
            AND a.mark >= today
    ) AS left_over
    RETURNING balance_after INTO after;
    INSERT INTO receipt_lines (scheme_id, receipt_id, line, item_id, quantity, unit_points)
    SELECT scheme, receipt, w.line, w.item, w.quantity, w.price
    FROM unnest(items, quantities, prices) WITH ORDINALITY AS w(item, quantity, price, line);
    IF credential IS NOT NULL THEN
        INSERT INTO used_codes (scheme_id, credential_id, step, seq, receipt_id)
        VALUES (scheme, credential, at_step, at_seq, receipt);
    END IF;
    number := counted;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION points_redeem")
        op.execute(FUNCTION)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION points_redeem")
        op.execute(FORMER)
