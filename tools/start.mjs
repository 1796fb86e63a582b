// npm start: installs what is missing, bundles the sources (a bundle needs a third of the memory and time to load) and runs
// `tiphys up` in the foreground. Arguments after -- go to it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { installNpmPackages, installSystemPackages, nodePath, root, run } from './install.mjs';

installNpmPackages();
installSystemPackages();
if (run(nodePath(), [join(root, 'tools/bundle.mjs')]) !== 0) process.exit(1);
const child = spawn(nodePath(), [join(root, 'dist/tiphys.mjs'), 'up', ...process.argv.slice(2)], {
  stdio: 'inherit',
  // One heap of the C library for all threads: seven megabytes less.
  env: { MALLOC_ARENA_MAX: '1', ...process.env },
});
// A terminal sends its signals to the whole group; the child decides when it is done.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
