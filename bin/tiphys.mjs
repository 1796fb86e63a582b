#!/usr/bin/env node
// Starts the tiphys command on Node 26, whatever Node runs this file: the packages bring their own.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NODE_MAJOR_MIN = 26;
const here = dirname(fileURLToPath(import.meta.url));
const bundled = join(here, '..', 'dist', 'tiphys.mjs');
const entry = existsSync(bundled) ? bundled : join(here, '..', 'packages', 'cli', 'src', 'main.ts');

function packagedNode() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/package.json`)), 'bin', 'node');
  } catch {
    return undefined;
  }
}

if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) {
  await import(pathToFileURL(entry).href);
} else {
  const node = packagedNode();
  if (!node || !existsSync(node)) {
    process.stderr.write(
      `tiphys needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.version}, and no packaged Node fits ${process.platform}-${process.arch}.\n`,
    );
    process.exit(1);
  }
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
  });
}
