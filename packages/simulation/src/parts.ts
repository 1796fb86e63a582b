// The programs of a cluster beside its API server: each with a connection of its own, which can be cut, and where there are several of a kind,
// with a lease that says who works.
import { type Client, inProcessClient, type Part, userInfo, whileLeading } from '@tiphys/client';
import { builtinControllers, startControllers, systemControllers } from '@tiphys/controllers';
import type { ApiHandler } from '@tiphys/machinery';
import { startSimulatedNodes } from '@tiphys/node';
import type { Runtime } from '@tiphys/runtime';
import { startScheduler } from '@tiphys/scheduler';
import { LOOPBACK_USER } from '@tiphys/server';
import { Retryable } from '@tiphys/std';
import type { PartName } from './faults.ts';

/** Parts that can be stopped and started; the user is no such part. */
export type StoppablePart = Exclude<PartName, 'user' | 'server'>;
export const STOPPABLE_PARTS: readonly StoppablePart[] = ['controllers', 'scheduler', 'nodes'];

export interface Program extends Part {
  /** It works: alone of its kind, or it holds the lease. */
  isWorking(): boolean;
  /** It dies: nothing reaches the server any more, and no answer arrives. It has to be stopped still. */
  cut(): void;
}

export interface ProgramOptions {
  part: StoppablePart;
  /** Through the faults of the part. */
  handler: ApiHandler;
  runtime: Runtime;
  /** Simulated nodes that the part plays. */
  nodes: number;
  /** The name under which it holds the part's lease; without one it works at once. */
  candidate?: string;
}

/** One program's way to the server. */
class Connection implements ApiHandler {
  readonly #handler: ApiHandler;
  #isCut = false;

  constructor(handler: ApiHandler) {
    this.#handler = handler;
  }

  cut(): void {
    this.#isCut = true;
  }

  async handle(request: Parameters<ApiHandler['handle']>[0]): ReturnType<ApiHandler['handle']> {
    if (this.#isCut) throw new Retryable('the program was killed');
    const answer = await this.#handler.handle(request);
    if (this.#isCut) throw new Retryable('the program was killed');
    return answer;
  }
}

interface Making {
  runtime: Runtime;
  nodes: number;
  as(user: string, groups: readonly string[] | undefined, program: string): Client;
}

/** Ends with its informers. */
const closing = (client: Client, ready: Promise<unknown>, stop: () => Promise<unknown>): Part => ({
  ready: ready.then(() => undefined),
  stop: async () => {
    await stop();
    await client.close();
  },
});

const MAKE: Readonly<Record<StoppablePart, (making: Making) => Part>> = {
  controllers: ({ runtime, as }) => {
    const client = as(LOOPBACK_USER.name, LOOPBACK_USER.groups, 'kube-controller-manager');
    const system = systemControllers({ rootCertificatePem: 'simulated', signToken: () => 'simulated' });
    const running = startControllers({ client, runtime, controllers: [...system, ...builtinControllers()] });
    return closing(client, running.ready, () => running.stop());
  },
  scheduler: ({ runtime, as }) => {
    const client = as('system:kube-scheduler', undefined, 'kube-scheduler');
    const running = startScheduler({ client, runtime });
    return closing(client, running.started, () => running.stop());
  },
  nodes: ({ runtime, as, nodes }) => {
    const client = as('system:simulator', ['system:masters'], 'kubelet');
    const running = startSimulatedNodes({ client, runtime, count: nodes });
    return closing(client, running.ready, () => running.stop());
  },
};

const LEASES: Readonly<Partial<Record<StoppablePart, string>>> = { controllers: 'kube-controller-manager', scheduler: 'kube-scheduler' };

export function startProgram({ part, handler, runtime, nodes, candidate }: ProgramOptions): Program {
  const connection = new Connection(handler);
  const as: Making['as'] = (user, groups, userAgent) =>
    inProcessClient({ handler: connection, runtime, user: userInfo(user, groups), userAgent });
  const start = () => MAKE[part]({ runtime, nodes, as });
  const cut = () => connection.cut();
  const lease = LEASES[part];
  if (candidate === undefined || !lease) {
    const { ready, stop } = start();
    return { ready, stop, cut, isWorking: () => true };
  }
  const client = as(LOOPBACK_USER.name, LOOPBACK_USER.groups, 'leader-election');
  const leadership = whileLeading({ client, runtime, name: lease, identity: candidate, start });
  const stop = async () => {
    await leadership.stop();
    await client.close();
  };
  return { ready: leadership.ready, stop, cut, isWorking: () => leadership.isLeader() };
}
