// The shared libraries that programs need, so that a program of this machine runs in an image without them: asked of the dynamic
// loader itself (ld.so(8) --list by way of ldd).
import { execFile } from 'node:child_process';
import { open, realpath } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ELF_MAGIC = 0x7f454c46;

async function isElf(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.readUInt32BE(0) === ELF_MAGIC;
  } finally {
    await file.close();
  }
}

/** Path in the image → file on this machine. Static programs and scripts need none. */
export async function sharedLibraries(program: string): Promise<Map<string, string>> {
  const libraries = new Map<string, string>();
  if (!(await isElf(program))) return libraries;
  const output = await run('ldd', [program]).then(
    ({ stdout }) => stdout,
    () => '',
  );
  const missing = /^\s*(\S+) => not found/m.exec(output);
  if (missing) throw new Error(`${program} needs ${missing[1]}, which is not on this machine`);
  for (const line of output.split('\n')) {
    const path = /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1];
    // The loader is asked for by the name in the program, libraries by the folders of the loader: names stay, links are followed.
    if (path) libraries.set(path, await realpath(path));
  }
  return libraries;
}
