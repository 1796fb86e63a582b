// The proof of several servers: three on three members of etcd, each of them killed, paused and cut off in turn.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { skipWithoutEtcd } from '@tiphys/storage';
import type { Proof, Round } from '../proof.ts';
import { SWITCH_WORDS, skipWithoutMachines } from './machines.ts';
import type { Wanted } from './program.ts';

const PROGRAM = join(import.meta.dirname, 'program.ts');

export const skipWithoutServers = (): string | false => skipWithoutEtcd() || skipWithoutMachines();

export const servers: Proof = {
  name: 'servers',
  title: 'Several servers',
  about: `
Three servers on three members of etcd, each on a machine of its own (network namespaces and a switch). Each server and each member in turn is
killed with SIGKILL and started again, paused with SIGSTOP, and cut off from everybody without a word; after these 18 faults all servers are
restarted one after the other, as for an upgrade. Meanwhile 12 clients write and read ConfigMaps and 12 watches follow, as in linearizability.md, and ask another
server where that is safe. What they saw is held against etcd's own history, read without our client: no acknowledged write is missing from it, nothing is
in it that nobody asked for, what was refused with words that it was not done is not in it, no revision goes back, reads are linearizable, and watches are told everything
once and in order. While the fault lasts writes are acknowledged, and a Deployment gets its Pod; where a server that leads is
struck, another leads before the fault is over, and nobody takes a lease before it has ended. In a rolling restart no request of a client that retries fails.`,
  unit: 'faults',
  fullCount: 200,
  skip: skipWithoutServers,
  open: async () => {
    const [program, ...words] = [...SWITCH_WORDS, process.execPath, PROGRAM];
    const child = spawn(program!, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const ended = once(child, 'exit').then(() => {
      throw new Error('the servers ended by themselves');
    });
    ended.catch(() => undefined);
    await Promise.race([once(child, 'message'), ended]);
    const round = async (seed: number, index: number): Promise<Round> => {
      const answered = once(child, 'message');
      child.send({ seed, index } satisfies Wanted);
      const [result] = await Promise.race([answered, ended]);
      return result as Round;
    };
    const close = async () => {
      const exited = once(child, 'exit');
      if (child.exitCode !== null) return;
      child.disconnect();
      await exited;
    };
    return { round, close };
  },
};
