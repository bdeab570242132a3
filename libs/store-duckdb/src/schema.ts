import type { DuckDBConnection } from '@duckdb/node-api';

/** Version of the layout below. A file of a later version is refused; an earlier one is migrated here. */
export const SCHEMA_VERSION = 1;

/*
 * Subjects and event names are dense integers. Only what has to be unique for ever (message ids) is looked up by value, and not by an index:
 * see known.ts. Tables are appended to and scanned; none has an index or a constraint.
 */
export const TABLES = `
CREATE TABLE meta (key VARCHAR, value VARCHAR);

CREATE TABLE accounts (idx INTEGER, id VARCHAR);
CREATE TABLE users (idx INTEGER, id VARCHAR);
CREATE TABLE names (idx INTEGER, name VARCHAR);
-- The earliest instants at which something named the subject; the least one counts.
CREATE TABLE account_sightings (idx INTEGER, time BIGINT);
CREATE TABLE user_sightings (idx INTEGER, time BIGINT);

-- First 128 bits of the SHA-256 of every message id ever accepted; rows stay when subjects are erased.
CREATE TABLE message_ids (id HUGEINT);
-- given: the account was named by the event (or there is no user to derive it from). Columns n, t, o per declared property follow.
CREATE TABLE events (
  id VARCHAR, time BIGINT, day INTEGER, name INTEGER, usr INTEGER, account INTEGER, given BOOLEAN, session VARCHAR, properties VARCHAR
);
CREATE TABLE property_columns (idx INTEGER, property VARCHAR);
CREATE TABLE members (usr INTEGER, account INTEGER, time BIGINT, id VARCHAR);
-- kind: 0 account, 1 user. value: JSON, 'null' for removed. A message without values leaves one row without a name: it names the subject.
CREATE TABLE traits (kind INTEGER, subject INTEGER, name VARCHAR, time BIGINT, id VARCHAR, value VARCHAR);

CREATE TABLE runs (number INTEGER, as_of BIGINT, started_at BIGINT, committed_at BIGINT, provenance VARCHAR);
-- subjects and data: v8-serialised (frames.ts).
CREATE TABLE result_subjects (run INTEGER, level VARCHAR, subjects BLOB);
CREATE TABLE result_columns (run INTEGER, level VARCHAR, name VARCHAR, data BLOB);
CREATE TABLE memberships (segment VARCHAR, subject VARCHAR, kind VARCHAR, entered_at BIGINT, reason VARCHAR);
CREATE TABLE transitions (
  seq BIGINT, run INTEGER, segment VARCHAR, subject VARCHAR, kind VARCHAR, change VARCHAR, happened_at BIGINT, reason VARCHAR, facts VARCHAR, baseline BOOLEAN
);
CREATE TABLE evaluated_segments (segment VARCHAR);
CREATE TABLE deliveries (
  seq BIGINT, key VARCHAR, action VARCHAR, payload VARCHAR, kind VARCHAR, subject VARCHAR, due_at BIGINT,
  state VARCHAR, attempts INTEGER, last_error VARCHAR, delivered_at BIGINT, leased_until BIGINT
);
CREATE TABLE lease (token VARCHAR, holder VARCHAR, started_at BIGINT, until BIGINT, length BIGINT);
`;

/** Runs statements as one transaction; rolls back and rethrows when one fails. */
export async function transaction<T>(connection: DuckDBConnection, body: () => Promise<T>): Promise<T> {
  await connection.run('BEGIN TRANSACTION');
  try {
    const value = await body();
    await connection.run('COMMIT');
    return value;
  } catch (error) {
    // A failed COMMIT has already rolled back; the first error is the one to report.
    await connection.run('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
