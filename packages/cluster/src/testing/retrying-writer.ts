// A client that retries, as client-go's do: writes one ConfigMap after the other, and asks the next server when one does not answer or says
// that it can't. node retrying-writer.ts KUBECONFIG… prints a line for each write until its input ends, and then what failed for good.
import { setTimeout as delay } from 'node:timers/promises';
import { corev1 } from '@tiphys/api';
import { clientFromKubeconfig } from '@tiphys/client';
import { isAlreadyExists, StatusError } from '@tiphys/machinery';

const TRIES_MAX = 50;
const AGAIN_MS = 100;
const PAUSE_MS = 20;

const clients = process.argv.slice(2).map((path) => clientFromKubeconfig({ path }));
const failed: string[] = [];
let retried = 0;
let over = false;
process.stdin.once('end', () => {
  over = true;
});
process.stdin.resume();

async function write(name: string): Promise<void> {
  for (let i = 0; ; i++) {
    try {
      await clients[i % clients.length]!.of(corev1.configmaps).create({ metadata: { name, namespace: 'default' } });
      return;
    } catch (error) {
      // The try before this one was carried out, though nobody said so.
      if (i > 0 && isAlreadyExists(error)) return;
      const isServers = !(error instanceof StatusError) || error.code >= 500 || error.code === 429;
      if (!isServers || i === TRIES_MAX) throw error;
      retried++;
      await delay(AGAIN_MS);
    }
  }
}

for (let count = 0; !over; count++) {
  await write(`written-${count}`).catch((error: Error) => failed.push(error.message));
  process.stdout.write(`${JSON.stringify({ count: count + 1, retried, failed })}\n`);
  await delay(PAUSE_MS);
}
for (const client of clients) await client.close();
