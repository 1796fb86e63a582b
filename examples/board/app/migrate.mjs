// The migration Job: brings the database to the schema that this version needs, however often it runs.
import { fromEnvironment } from './redis.mjs';

const SCHEMA_VERSION = 1;
const database = fromEnvironment();
const found = Number((await database.command('GET', 'schema')) ?? 0);
if (found < 1) await database.command('LPUSH', 'messages', 'Welcome aboard.');
await database.command('SET', 'schema', SCHEMA_VERSION);
console.log(`schema ${found} -> ${SCHEMA_VERSION}`);
database.close();
