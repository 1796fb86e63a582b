// The nightly CronJob: says how many messages there are.
import { fromEnvironment } from './redis.mjs';

const database = fromEnvironment();
console.log(`${await database.command('LLEN', 'messages')} messages on the board`);
database.close();
