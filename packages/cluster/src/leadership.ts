// A part of the control plane that works on one server at a time: on the one that holds its lease, as with upstream's
// --leader-elect (k8s.io/component-base config/options/leaderelectionconfig.go). A server alone on its store needs no lease.
import { type Client, leaderElection } from '@tiphys/client';
import type { Runtime } from '@tiphys/runtime';

export interface Part {
  ready: Promise<void>;
  stop(): Promise<void>;
}

export interface LeadershipOptions {
  client: Client;
  runtime: Runtime;
  /** The lease's, in kube-system. */
  name: string;
  /** Differs between servers, and stays over a restart, so that a server which was killed needs not wait for its own lease to end. */
  identity: string;
  start(): Part;
}

export interface Leadership extends Part {
  /** Resolves when the part works here, or is known to work elsewhere. */
  ready: Promise<void>;
  isLeader(): boolean;
}

export interface LeadingOptions extends Pick<LeadershipOptions, 'client' | 'runtime' | 'identity'> {
  /** Other servers may be on the same store. */
  isShared: boolean;
}

/** How parts are started: at once, or where others could do the same, when this server leads. */
export function leading({ isShared, ...options }: LeadingOptions): (name: string, start: () => Part) => Part {
  return (name, start) => (isShared ? whileLeading({ ...options, name, start }) : start());
}

const NAMESPACE = 'kube-system';

export function whileLeading({ client, runtime, name, identity, start }: LeadershipOptions): Leadership {
  const known = Promise.withResolvers<void>();
  /** What runs, and what has to end before the next may begin. */
  let current: Part | undefined;
  let ended: Promise<void> = Promise.resolve();
  const election = leaderElection({
    client,
    runtime,
    namespace: NAMESPACE,
    name,
    identity,
    onStartedLeading: (signal) => {
      runtime.log.info('leading', { lease: name, identity });
      void ended.then(() => {
        if (signal.aborted) return;
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
    // What works stops before the lease is given away.
    const part = current;
    current = undefined;
    await part?.stop();
    await election.stop();
    await ended;
  };
  return { ready: known.promise, isLeader: () => election.isLeader(), stop };
}
