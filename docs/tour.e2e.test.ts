// Runs the README's tour word for word with real containers; and, where TIPHYS_PEERS has it, once more with upstream's kubectl.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { obstacles } from '@tiphys/cluster';
import { consoleCommands, outputMatches } from './console.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const commands = consoleCommands(readFileSync(join(root, 'README.md'), 'utf8'), '## Five minutes');
const problems = obstacles();
const skip = problems.length > 0 ? `real containers are not possible here: ${problems.join('; ')}` : false;

interface Shell {
  run(command: string): Promise<{ code: number; output: string; complaints: string }>;
  close(): void;
}

const MARK = 'tour-step-is-over';

/** One bash for the whole tour, so that what a step exports holds for the next. */
function shell(environment: Record<string, string>): Shell {
  const bash = spawn('bash', ['--noprofile', '--norc'], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let complaints = '';
  let check = () => {};
  bash.stdout.on('data', (chunk) => {
    output += chunk;
    check();
  });
  bash.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  const run: Shell['run'] = (command) =>
    new Promise((settle) => {
      output = '';
      complaints = '';
      check = () => {
        const end = output.match(new RegExp(`${MARK} (\\d+)\\n$`));
        if (end) settle({ code: Number(end[1]), output: output.slice(0, end.index), complaints });
      };
      bash.stdin.write(`{ ${command}\n} < /dev/null\nprintf '${MARK} %s\\n' $?\n`);
    });
  return { run, close: () => bash.kill() };
}

async function tour(rewrite: (command: string) => string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-tour-'));
  const environment = { HOME: scratch, TIPHYS_DATA_DIR: join(scratch, 'data'), KUBECONFIG: join(scratch, 'kubeconfig') };
  const bash = shell(environment);
  try {
    for (const { command, expected, line } of commands) {
      const { code, output, complaints } = await bash.run(rewrite(command));
      assert.equal(code, 0, `README.md:${line}: ${command}\nexit code ${code}\n${output}${complaints}`);
      assert.ok(outputMatches(expected, output), `README.md:${line}: ${command}\nshown:\n${expected.join('\n')}\nprinted:\n${output}`);
    }
    assert.ok(!existsSync(environment.TIPHYS_DATA_DIR), 'tiphys down leaves no data');
  } finally {
    await bash.run('tiphys down');
    bash.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

test('the tour', { skip }, () => tour((command) => command));

const kubectl = process.env.TIPHYS_PEERS ? join(process.env.TIPHYS_PEERS, 'kubectl') : '';
const skipKubectl = skip || (existsSync(kubectl) ? false : 'TIPHYS_PEERS is not set, or has no kubectl');
test("the tour with upstream's kubectl", { skip: skipKubectl }, () =>
  tour((command) => command.replace(/\btiphys (get|apply|wait|exec|logs|delete|rollout)\b/g, `${kubectl} $1`)),
);
