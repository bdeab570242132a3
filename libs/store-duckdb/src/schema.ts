import { randomUUID } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { text } from './sql.js';
import { HISTORY_TABLE } from './tables.js';
import { moveHistory, moveResults } from './moved-results.js';

/** Version of the layout below. A file of a later version is refused; an earlier one is migrated when it is opened. */
export const SCHEMA_VERSION = 6;

const HISTORY_TABLES = `
-- Dense numbers of subjects, per level; the id of an erased one is null and its number stays taken.
CREATE TABLE history_subjects (level VARCHAR, idx INTEGER, id VARCHAR);
${HISTORY_TABLE}`;

const DOCUMENT_TABLES = `
-- document: JSON.
CREATE TABLE document_versions (
  key VARCHAR, number INTEGER, document VARCHAR, version VARCHAR, status VARCHAR, author VARCHAR, reason VARCHAR, made_at BIGINT, of_number INTEGER
);
`;

const RESULT_TABLES = `
-- What runs found, by content: data is a list of subjects, a list of columns, a column (frames.ts) a part of a run's record or a block of history; hash tells equal ones.
CREATE TABLE result_blobs (idx INTEGER, hash VARCHAR, data BLOB);
-- subjects, columns: blobs.
CREATE TABLE result_frames (run INTEGER, level VARCHAR, subjects INTEGER, columns INTEGER);
`;

/** What layout 5 changed: runs have a typed record, transitions say why they are baselines. */
const MANIFESTS = `
ALTER TABLE runs RENAME COLUMN provenance TO manifest;
ALTER TABLE transitions ADD COLUMN baseline_reason VARCHAR;
ALTER TABLE transitions ADD COLUMN baseline_text VARCHAR;
DROP TABLE evaluated_segments;
`;

// Looked up by key for each delivery that is queued, sent or fails.
const DELIVERY_INDEX = 'CREATE INDEX deliveries_key ON deliveries (key);';

/*
 * Subjects and event names are dense integers. Only what has to be unique for ever (message ids) is looked up by value, and not by an index:
 * see known.ts. Tables are appended to and scanned; only deliveries have an index, and none has a constraint.
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

-- manifest: JSON (run-records.ts).
CREATE TABLE runs (number INTEGER, as_of BIGINT, started_at BIGINT, committed_at BIGINT, manifest VARCHAR);
CREATE TABLE memberships (segment VARCHAR, subject VARCHAR, kind VARCHAR, entered_at BIGINT, reason VARCHAR);
CREATE TABLE transitions (
  seq BIGINT, run INTEGER, segment VARCHAR, subject VARCHAR, kind VARCHAR, change VARCHAR, happened_at BIGINT, reason VARCHAR, facts VARCHAR, baseline BOOLEAN,
  baseline_reason VARCHAR, baseline_text VARCHAR
);
CREATE TABLE deliveries (
  seq BIGINT, key VARCHAR, action VARCHAR, payload VARCHAR, kind VARCHAR, subject VARCHAR, due_at BIGINT,
  state VARCHAR, attempts INTEGER, last_error VARCHAR, delivered_at BIGINT, leased_until BIGINT
);
CREATE TABLE lease (token VARCHAR, holder VARCHAR, started_at BIGINT, until BIGINT, length BIGINT);
${DELIVERY_INDEX}${HISTORY_TABLES}${DOCUMENT_TABLES}${RESULT_TABLES}`;

/** Settings of a file beside those it is opened with: its own name, and how often something was erased. See changes.ts. */
export const identity = () => ({ id: randomUUID(), erasures: '0' });

/** Brings a file of an earlier version up to date, or does nothing. */
export async function migrate(connection: DuckDBConnection, version: number): Promise<void> {
  if (version === SCHEMA_VERSION) return;
  await transaction(connection, async () => {
    if (version < 2) {
      await connection.run(HISTORY_TABLES);
      await insertSettings(connection, identity());
    }
    if (version < 3) await connection.run(DOCUMENT_TABLES);
    if (version < 5) await connection.run(MANIFESTS);
    if (version < 4) {
      await connection.run(DELIVERY_INDEX + RESULT_TABLES);
      await moveResults(connection);
    }
    if (version >= 2) await moveHistory(connection);
    await connection.run(`UPDATE meta SET value = ${text(String(SCHEMA_VERSION))} WHERE key = 'rapport'`);
  });
}

export async function insertSettings(
  connection: DuckDBConnection,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const values = Object.entries(settings).map(([key, value]) => `(${text(key)}, ${text(value)})`);
  await connection.run(`INSERT INTO meta VALUES ${values.join(', ')}`);
}

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
