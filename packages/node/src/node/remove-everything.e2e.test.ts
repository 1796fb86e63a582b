// Taking a node away from a process that does nothing else, as `tiphys down` does.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);

const skip = process.getuid?.() !== 0 && 'needs root: cgroups and mounts';

test('a process that only removes waits for a containerd that takes its time', { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tiphys-remove-'));
  try {
    mkdirSync(join(directory, 'containerd', 'root'), { recursive: true });
    const binary = join(directory, 'slow-containerd');
    writeFileSync(binary, '#!/bin/sh\n[ "$1" = --version ] && echo v1.6.20 && exit\nsleep 0.5\n', { mode: 0o755 });
    const module = JSON.stringify(new URL('./remove-everything.ts', import.meta.url).href);
    const options = JSON.stringify({ directory, containerdBinary: binary });
    const program = `const { removeEverything } = await import(${module}); await removeEverything(${options}); console.log('removed');`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program]);
    assert.equal(stdout, 'removed\n');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
