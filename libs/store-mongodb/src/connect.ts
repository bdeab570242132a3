import { StoreError } from '@rapport/store';
import type { Db } from 'mongodb';
import {
  MongoClient,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  ReadConcern,
} from 'mongodb';

const SELECTION_MS = 10_000;
const OLDEST_MAJOR = 5;

export interface Connection {
  readonly db: Db;
  /** `mongodb://host:port/database`. */
  readonly location: string;
  /** Turns an error of the driver's into one of the store's, where it is about the connection. */
  explain(error: unknown): unknown;
  close(): Promise<void>;
}

/**
 * Connects and makes sure that the server answers. Throws `RAPPORT_STORE_URI` (not a MongoDB URI, or no database named),
 * `RAPPORT_STORE_UNREACHABLE` (nothing answers, or the credentials are refused), `RAPPORT_STORE_VERSION` (older than MongoDB 5.0).
 */
export async function connect(uri: string, database?: string): Promise<Connection> {
  const hosts = /^mongodb(?:\+srv)?:\/\/(?:[^/?]*@)?([^/?@]+)/.exec(uri)?.[1];
  if (hosts === undefined) throw uriError('it does not begin with mongodb:// or mongodb+srv:// and a host');
  const name = database ?? decodeURIComponent(/^[^:]+:\/\/[^/?]*\/([^?]*)/.exec(uri)?.[1] ?? '');
  if (name === '') throw uriError('it names no database; write mongodb://host:27017/rapport');
  const location = `mongodb://${hosts}/${name}`;

  let client: MongoClient;
  try {
    client = new MongoClient(uri, {
      appName: 'rapport',
      ignoreUndefined: true,
      writeConcern: { w: 'majority', journal: true },
      ...(/[?&]serverSelectionTimeoutMS=/i.test(uri) ? {} : { serverSelectionTimeoutMS: SELECTION_MS }),
    });
  } catch (error) {
    throw uriError(error instanceof Error ? withoutCredentials(error.message, uri) : 'the driver refuses it');
  }

  const refused = (error: MongoServerError) =>
    new StoreError(
      'RAPPORT_STORE_UNREACHABLE',
      `MongoDB at ${hosts} refuses the credentials for database "${name}" (${withoutCredentials(error.message, uri)}); correct user, password and authSource in the store's URI`,
    );
  const explain = (error: unknown): unknown => {
    if (error instanceof MongoServerSelectionError || error instanceof MongoNetworkError) {
      return new StoreError(
        'RAPPORT_STORE_UNREACHABLE',
        `no MongoDB answers at ${hosts} (${withoutCredentials(error.message, uri)}); start it, or correct the store's URI`,
      );
    }
    return error instanceof MongoServerError && REFUSED.has(Number(error.code)) ? refused(error) : error;
  };
  try {
    await client.connect().catch((error: unknown) => {
      throw error instanceof MongoServerError ? refused(error) : error;
    });
    const db = client.db(name);
    const { version } = await db.command({ buildInfo: 1 });
    if (typeof version === 'string' && Number.parseInt(version, 10) < OLDEST_MAJOR) {
      throw new StoreError(
        'RAPPORT_STORE_VERSION',
        `MongoDB at ${hosts} is ${version}; Rapport needs ${String(OLDEST_MAJOR)}.0 or newer`,
      );
    }
    return {
      db: (await replicates(db)) ? client.db(name, { readConcern: new ReadConcern('majority') }) : db,
      location,
      explain,
      close: () => client.close(),
    };
  } catch (error) {
    await client.close();
    throw explain(error);
  }
}

/** Unauthorized, AuthenticationFailed, Atlas's own. */
const REFUSED: ReadonlySet<number> = new Set([13, 18, 8000]);

/** Of a replica set or a sharded cluster only what a majority holds is read: it cannot be rolled back. */
async function replicates(db: Db): Promise<boolean> {
  try {
    const hello = await db.command({ hello: 1 });
    return typeof hello['setName'] === 'string' || hello['msg'] === 'isdbgrid';
  } catch (error) {
    if (error instanceof MongoError && !(error instanceof MongoNetworkError)) return false; // a server without the command
    throw error;
  }
}

const uriError = (reason: string) =>
  new StoreError('RAPPORT_STORE_URI', `the store's MongoDB URI cannot be used: ${reason}`);

function withoutCredentials(message: string, uri: string): string {
  const credentials = /^[^:]+:\/\/([^/?]*)@/.exec(uri)?.[1];
  if (credentials === undefined) return message;
  const secrets = [credentials, ...credentials.split(':')].flatMap((secret) => [secret, decoded(secret)]);
  return secrets.reduce((text, secret) => (secret === '' ? text : text.replaceAll(secret, '•••')), message);
}
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
