// The queue worker: takes one message at a time, tidies it and puts it on the board.
import { fromEnvironment } from './redis.mjs';

const database = fromEnvironment();
const BLOCK_SECONDS = 5;
let stopping = false;
process.on('SIGTERM', () => {
  stopping = true;
  // A message that was taken is finished; waiting for the next one is not.
  setTimeout(() => process.exit(0), 500);
});

console.log('worker waits for messages');
while (!stopping) {
  try {
    const taken = await database.command('BRPOP', 'queue', BLOCK_SECONDS);
    if (!taken) continue;
    const message = taken[1].replace(/\s+/g, ' ');
    await database.command('LPUSH', 'messages', message);
    console.log(`posted: ${message}`);
  } catch (error) {
    console.log(`Redis is not there yet: ${error.message}`);
    await new Promise((settle) => setTimeout(settle, 1000));
  }
}
