import { connect } from './connect.js';

/** Removes a workspace's database with all that is in it. For tests. Throws as `openMongodbStore` does. */
export async function dropMongodbStore({
  uri,
  database,
}: {
  readonly uri: string;
  readonly database: string;
}): Promise<void> {
  const connection = await connect(uri, database);
  try {
    await connection.db.dropDatabase();
  } finally {
    await connection.close();
  }
}
