// `tiphys down`: stops the cluster and removes all that it made; with --keep-data its state stays for the next `up`.
import { rmSync } from 'node:fs';
import { removeContext } from '@tiphys/client';
import { cleanUp, type RunningProcess, readMembership, runningOn } from '@tiphys/cluster';
import { realClock } from '@tiphys/runtime';
import type { Command } from 'commander';
import { existingFolder, withDataDir } from '../data-dir.ts';
import { CommandError, progress, type Terminal } from '../terminal.ts';
import { CONTEXT_NAME } from './up.ts';

const STOP_MS_MAX = 120_000;
const LOOK_AGAIN_MS = 50;

/** Asks the process to stop and waits for its end; it stops its containers first. */
async function stopProcess(running: RunningProcess, isGone: () => boolean): Promise<void> {
  process.kill(running.pid, 'SIGTERM');
  const clock = realClock();
  const until = clock.monotonicMs() + STOP_MS_MAX;
  while (!isGone()) {
    if (clock.monotonicMs() > until)
      throw new CommandError(
        `process ${running.pid} did not stop within ${STOP_MS_MAX / 1000} s; end it yourself and run tiphys down again`,
      );
    // Another program's end makes no event here: the clock's timers are unreferenced, so this one is held.
    await new Promise((settle) => setTimeout(settle, LOOK_AGAIN_MS));
  }
}

export function addDownCommand(program: Command, terminal: Terminal): void {
  withDataDir(program.command('down'), terminal)
    .description('stop the cluster and remove everything it made')
    .option('--keep-data', 'keep its state, images and keys for the next tiphys up')
    .action(async (options: { dataDir?: string; keepData?: boolean }) => {
      const folder = await existingFolder(options, terminal);
      const { step, done } = progress(terminal);
      const running = runningOn(folder);
      const joined = readMembership(folder);
      if (running) {
        step(`Stopping the ${joined ? `node ${joined.nodeName}` : 'cluster'} (process ${running.pid})`);
        await stopProcess(running, () => runningOn(folder) === undefined);
      }
      step('Removing containers, networks, mounts and cgroups');
      await cleanUp(folder);
      if (!options.keepData) {
        await removeContext(CONTEXT_NAME, terminal.environment, folder.kubeconfig);
        rmSync(folder.path, { recursive: true, force: true });
      }
      done(options.keepData ? `Stopped. ${folder.path} is kept.` : `Stopped and removed, with ${folder.path}.`);
      if (joined && !options.keepData)
        terminal.error(
          `The cluster of ${joined.server} still has its Node object. On the server: kubectl delete node ${joined.nodeName}\n`,
        );
    });
}
