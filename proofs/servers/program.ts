// The ensemble with its clients, in a process whose network is a switch: makes a round for each message, and answers with what came of it.
import { startEnsemble } from './ensemble.ts';
import { serversRound } from './rounds.ts';

export interface Wanted {
  seed: number;
  index: number;
}

const ensemble = await startEnsemble();
process.on('message', async ({ seed, index }: Wanted) => {
  try {
    process.send!(await serversRound(ensemble, seed, index));
  } catch (error) {
    process.send!({ done: 1, failures: [(error as Error).message] });
  }
});
process.once('disconnect', async () => {
  await ensemble.close();
  process.exit();
});
process.send!('ready');
