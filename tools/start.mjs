// npm start: installs what is missing, then runs `tiphys up` in the foreground. Arguments after -- go to it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { installNpmPackages, installSystemPackages, nodePath, root } from './install.mjs';

installNpmPackages();
installSystemPackages();
const child = spawn(nodePath(), [join(root, 'packages/cli/src/main.ts'), 'up', ...process.argv.slice(2)], { stdio: 'inherit' });
// A terminal sends its signals to the whole group; the child decides when it is done.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
