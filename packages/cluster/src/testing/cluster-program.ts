// A cluster as a process of its own, for tests that kill it: node cluster-program.ts '{"directory": …}' prints one line of JSON when
// the cluster is ready, ends it on SIGTERM, and lets its containers run on SIGHUP.
import { logger, realClock } from '@tiphys/runtime';
import { type ClusterOptions, startCluster } from '../start-cluster.ts';

const options = JSON.parse(process.argv[2]!) as ClusterOptions;
const log = logger({ clock: realClock(), write: (line) => process.stderr.write(`${line}\n`) });
const hold = setInterval(() => undefined, 2 ** 30);
try {
  const cluster = await startCluster({ ...options, log });
  process.stdout.write(`${JSON.stringify({ url: cluster.url, kubeconfig: cluster.kubeconfig })}\n`);
  const end = async (containers: 'end' | 'release') => {
    process.stdin.destroy();
    await cluster.close({ containers });
    clearInterval(hold);
  };
  // Its input ends with the test: nothing is to outlive that.
  process.stdin.once('end', () => void end('end')).resume();
  process.once('SIGTERM', () => void end('end'));
  process.once('SIGHUP', () => void end('release'));
} catch (error) {
  process.stderr.write(`${(error as Error).name}: ${(error as Error).message}\n`);
  clearInterval(hold);
  process.stdin.destroy();
  process.exitCode = 1;
}
