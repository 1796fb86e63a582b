// Adds to dist/ what V8 makes of the program while it is used: a cluster that starts needs half the time when nothing of it has to be
// compiled. Done where the package is made, by the Node that the project brings, because whoever installs it may only read it.
// `node tools/compile.mjs` after bundle.mjs; with arguments it is one of the processes that do so.
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { nodePath, root } from './install.mjs';

const UP = ['up', '--runtime', 'simulated', '--port', '0', '--no-user-kubeconfig'];
const COMMANDS = ['--version', 'get namespaces', 'get pods -A -o wide', 'get nodes -o yaml', 'describe nodes', 'status'];
/** A start, and one on what is there. */
const STARTS = 2;
/** Loops that begin their work when all is ready. */
const SETTLING_MS = 1000;

const { compile, compiled, compiledFile, run, withSum } = await import(pathToFileURL(join(root, 'dist', 'load.mjs')).href);
const tiphys = (...args) => promisify(execFile)(process.execPath, [join(root, 'dist', 'tiphys.mjs'), ...args]);

/** Resolves when this process says so; nobody else is to read what it says. */
function said(text) {
  return new Promise((settle) => {
    process.stderr.write = (chunk) => {
      if (String(chunk).includes(text)) settle();
      return true;
    };
  });
}

const USES = {
  async cluster({ runCommandLine }) {
    for (let start = 0; start < STARTS; start++) {
      const ready = said('is ready');
      const running = runCommandLine(UP);
      await Promise.race([ready, running]);
      for (const command of COMMANDS) await tiphys(...command.split(' '));
      await new Promise((settle) => setTimeout(settle, SETTLING_MS));
      process.kill(process.pid, 'SIGINT');
      await running;
    }
  },
  async commands({ runCommandLine }) {
    await tiphys(...UP, '--detach');
    try {
      for (const command of COMMANDS) await runCommandLine(command.split(' '));
    } finally {
      await tiphys('down');
    }
  },
};

/** Uses the program, and keeps what V8 made of it meanwhile. */
async function keep(purpose) {
  // V8 would drop what has not run for a while.
  setFlagsFromString('--no-flush-bytecode');
  const script = compile();
  await USES[purpose](run(script).commandLine());
  // V8 compares its flags with those that it had here.
  setFlagsFromString('--flush-bytecode');
  const file = compiledFile(purpose);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, withSum(script.createCachedData()));
}

/** In a new process, as everybody's is. */
function tryOut(purpose) {
  if (compile(compiled(purpose)).cachedDataRejected) throw new Error('V8 refuses what it made');
}

const STEPS = { keep, tryOut };

function keepAll() {
  for (const purpose of Object.keys(USES)) {
    const scratch = mkdtempSync(join(tmpdir(), 'tiphys-compile-'));
    try {
      const data = join(scratch, 'data');
      const env = { ...process.env, TIPHYS_DATA_DIR: data, KUBECONFIG: join(data, 'kubeconfig') };
      for (const step of Object.keys(STEPS)) {
        const args = [fileURLToPath(import.meta.url), step, purpose];
        const { status } = spawnSync(nodePath(), args, { stdio: ['ignore', 'ignore', 'inherit'], env });
        if (status !== 0) throw new Error(`what V8 makes of ${purpose} can't be kept`);
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
}

const [step, purpose] = process.argv.slice(2);
if (step) await STEPS[step](purpose);
else keepAll();
