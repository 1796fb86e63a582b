// The npm package's tiphys command.
import { load } from './load.mjs';

const CLUSTERS = ['up', 'server'];

await load(CLUSTERS.includes(process.argv[2]) ? 'cluster' : 'commands')
  .commandLine()
  .runCommandLine();
