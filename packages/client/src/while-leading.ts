// A part of the control plane that works in one program at a time: in the one that holds its lease, as with upstream's
// --leader-elect (k8s.io/component-base config/options/leaderelectionconfig.go).
import type { Runtime } from '@tiphys/runtime';
import type { Client } from './client.ts';
import { leaderElection } from './leader-election.ts';

export interface Part {
  ready: Promise<void>;
  stop(): Promise<void>;
}

export interface LeadershipOptions {
  client: Client;
  runtime: Runtime;
  /** The lease's, in kube-system. */
  name: string;
  /** Differs between candidates. Where it stays over a restart, a program that was killed needs not wait for its own lease to end. */
  identity: string;
  start(): Part;
}

export interface Leadership extends Part {
  /** Resolves when the part works here, or is known to work elsewhere. */
  ready: Promise<void>;
  isLeader(): boolean;
}

const NAMESPACE = 'kube-system';

export function whileLeading({ client, runtime, name, identity, start }: LeadershipOptions): Leadership {
  const known = Promise.withResolvers<void>();
  /** What runs, and what has to end before the next may begin. */
  let current: Part | undefined;
  let ended: Promise<void> = Promise.resolve();
  let stopping = false;
  const election = leaderElection({
    client,
    runtime,
    namespace: NAMESPACE,
    name,
    identity,
    onStartedLeading: (signal) => {
      runtime.log.info('leading', { lease: name, identity });
      void ended.then(() => {
        if (signal.aborted || stopping) return;
        current = start();
        current.ready.then(known.resolve, known.reject);
      });
    },
    onStoppedLeading: () => {
      runtime.log.info('not leading any more', { lease: name, identity });
      const part = current;
      current = undefined;
      if (part) ended = part.stop().catch((error) => runtime.log.error('a part of the control plane did not stop', error, { lease: name }));
    },
    onNewLeader: (leader) => {
      if (leader !== identity) known.resolve();
    },
  });
  const stop = async () => {
    stopping = true;
    // What works stops before the lease is given away.
    const part = current;
    current = undefined;
    await part?.stop();
    await election.stop();
    await ended;
  };
  return { ready: known.promise, isLeader: () => election.isLeader(), stop };
}
