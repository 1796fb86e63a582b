// Writes to a store file until it is killed, and prints the number of each write once it is acknowledged.
import { sqliteStore } from '../sqlite-store.ts';

const store = sqliteStore(process.argv[2]!);
for (let i = 1; ; i++) {
  await store.commit({ type: 'put', key: `/r/${i}`, value: Buffer.from(`value ${i}`) });
  process.stdout.write(`${i}\n`);
}
