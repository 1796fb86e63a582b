// Commands that run until they are asked to stop: in the foreground, or with --detach in a process of their own.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { DataFolder } from '@tiphys/cluster';
import { type Logger, logger, realClock } from '@tiphys/runtime';
import { frugalEnvironment } from './memory.ts';
import { CommandError, progress, type Terminal } from './terminal.ts';

/** What a detached child tells the process that started it. */
export type ChildMessage = { step: string } | { done: string } | { ready: string } | { failed: string };

export interface LogOptions {
  verbose?: boolean;
  loggingFormat?: string;
}

/** Warnings and errors only. */
function quiet(log: Logger): Logger {
  return { ...log, info: () => undefined, debug: () => undefined, named: (component) => quiet(log.named(component)) };
}

export function logOf({ verbose = false, loggingFormat }: LogOptions, terminal: Terminal): Logger {
  const log = logger({
    clock: realClock(),
    write: (line) => terminal.error(`${line}\n`),
    debug: verbose,
    ...(loggingFormat === 'json' ? { format: 'json' as const } : {}),
  });
  return verbose ? log : quiet(log);
}

function untilAsked(): Promise<NodeJS.Signals> {
  return new Promise((settle) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => settle(signal));
  });
}

export interface LongRunning {
  /** Starts it, telling how far it is. */
  start(report: (message: ChildMessage) => void): Promise<{ close(): Promise<void> }>;
  /** What is told when it is asked to stop, and when it has. */
  stopping: string;
  stopped: string;
}

export async function runForeground({ start, stopping, stopped }: LongRunning, terminal: Terminal): Promise<void> {
  const { step, done } = progress(terminal);
  const toParent = process.send?.bind(process);
  const report = (message: ChildMessage) => {
    if (toParent && process.connected) {
      toParent(message);
      return;
    }
    if ('step' in message) step(message.step);
    else if ('done' in message) done(message.done);
    else if ('ready' in message) terminal.error(message.ready);
  };
  // Nothing else may hold the process while it waits for an answer: the clock's timers don't.
  const keepAlive = setInterval(() => undefined, 2 ** 30);
  try {
    let running: { close(): Promise<void> };
    try {
      running = await start(report);
    } catch (error) {
      if (toParent && process.connected) report({ failed: error instanceof Error ? error.message : String(error) });
      throw error;
    }
    if (process.connected) process.disconnect?.();
    await untilAsked();
    step(stopping);
    await running.close();
  } finally {
    clearInterval(keepAlive);
  }
  done(stopped);
}

/** Starts the same program again without a terminal and waits until it says ready or fails. */
export async function runDetached(folder: DataFolder, terminal: Terminal): Promise<void> {
  const log = openSync(folder.logFile, 'a', 0o600);
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach' && arg !== '-d');
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    cwd: terminal.workingFolder,
    env: frugalEnvironment(process.env),
  });
  closeSync(log);
  const { step, done } = progress(terminal);
  await new Promise<void>((settle, reject) => {
    child.on('message', (message: ChildMessage) => {
      if ('step' in message) step(message.step);
      else if ('done' in message) done(message.done);
      else if ('failed' in message) reject(new CommandError(message.failed));
      else {
        terminal.error(message.ready);
        settle();
      }
    });
    child.on('exit', (code) => reject(new CommandError(`the process ended with code ${code}; see ${folder.logFile}`)));
  });
  if (child.connected) child.disconnect();
  child.unref();
}
