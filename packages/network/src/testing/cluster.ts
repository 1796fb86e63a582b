// The real API server in this process, without authentication, for tests.
import { corev1 } from '@tiphys/api';
import { type Client, inProcessClient } from '@tiphys/client';
import { builtinDefinitions } from '@tiphys/registry';
import { type Runtime, realRuntime } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import { memoryStore } from '@tiphys/storage';

export interface TestCluster extends AsyncDisposable {
  client: Client;
  runtime: Runtime;
}

/** With the namespaces `default` and `kube-system`. */
export async function testCluster(): Promise<TestCluster> {
  const runtime = realRuntime();
  const server = createApiServer({ runtime, store: memoryStore(), definitions: builtinDefinitions() });
  await server.ready;
  const client = inProcessClient({ handler: server, runtime, user: { name: 'test', groups: ['system:masters'] } });
  for (const name of ['default', 'kube-system']) await client.of(corev1.namespaces).create({ metadata: { name } });
  // The runtime's timers keep no process alive.
  const hold = setInterval(() => {}, 60_000);
  return {
    client,
    runtime,
    [Symbol.asyncDispose]: async () => {
      clearInterval(hold);
      await client.close();
      await server.close();
    },
  };
}
