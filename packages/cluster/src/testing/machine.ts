// Machines for end-to-end tests, each a network namespace of this one, on which the tiphys command runs.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { inNamespace, runProgram } from '@tiphys/network';
import { until } from './until.ts';

const COMMAND = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url));
const START_MS_MAX = 120_000;

/** Gathers what the stream brings. */
function textOf(stream: Readable): () => string {
  const parts: string[] = [];
  stream.setEncoding('utf8').on('data', (text: string) => parts.push(text));
  return () => parts.join('');
}

export class Machine {
  readonly namespace: string;
  readonly directory = mkdtempSync(join(tmpdir(), 'tiphys-join-'));
  readonly #begun: ChildProcess[] = [];

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** Before a command, so that it runs there. Not `ip netns exec`, which hides the cgroups. */
  get words(): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.namespace}`];
  }

  #spawn(args: readonly string[]): ChildProcess {
    const [program, ...words] = [...this.words, process.execPath, COMMAND, ...args];
    return spawn(program!, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TIPHYS_DATA_DIR: this.directory } });
  }

  /** What the command printed, and how it ended. */
  async run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
    const child = this.#spawn(args);
    const [out, error] = [textOf(child.stdout!), textOf(child.stderr!)];
    const [code] = await once(child, 'close');
    return { code, out: out(), error: error() };
  }

  async succeed(...args: string[]): Promise<string> {
    const { code, out, error } = await this.run(...args);
    assert.equal(code, 0, `tiphys ${args.join(' ')}: ${error}`);
    return out;
  }

  /** Starts what runs until it is told to stop, and waits for the line that says it is there. */
  async begin(ready: RegExp, ...args: string[]): Promise<void> {
    const child = this.#spawn(args);
    this.#begun.push(child);
    const [out, error] = [textOf(child.stdout!), textOf(child.stderr!)];
    const log = () => out() + error();
    await until(`tiphys ${args.join(' ')}`, START_MS_MAX, () => {
      assert.equal(child.exitCode, null, log());
      return ready.test(log());
    }).catch((cause) => {
      throw new Error(`${cause.message}: ${log()}`, { cause });
    });
  }

  /** SIGKILL to everything that was begun and runs. */
  async kill(): Promise<void> {
    for (const child of this.#begun.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
  }

  async remove(): Promise<void> {
    await this.run('down');
    for (const child of this.#begun) child.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
    await runProgram('ip', ['netns', 'delete', this.namespace]).catch(() => '');
  }

  /** Everything of ours in its network. */
  async traces(): Promise<string> {
    const run = inNamespace(this.namespace);
    const texts = await Promise.all([run('ip', ['link', 'show']), run('ip', ['route', 'show']), run('nft', ['list', 'tables'])]);
    return (
      texts
        .join('')
        .match(/tiphys\S*|.*proto 84.*|10\.244\.\S+/g)
        ?.join('\n') ?? ''
    );
  }
}
