// An image for end-to-end tests, packed from programs that every Debian has: a shell, sleep, and perl as a server of one line.
import { existsSync, readFileSync } from 'node:fs';
import { containerdPaths, type ImageTarget, packImage } from '@tiphys/node';

export const TEST_IMAGE = 'test.local/tools:1';
const PROGRAMS = ['/bin/sh', '/bin/sleep', '/bin/cat', '/usr/bin/perl'];

/** Answers each connection on the port with the pod's name. */
export function serverCommand(port: number): string[] {
  const program =
    `socket(S,2,1,6); setsockopt(S,1,2,1); bind(S,pack("Sna4x8",2,${port},"\\0\\0\\0\\0")) or die; listen(S,128);` +
    ' $SIG{TERM}=sub{exit 0}; while(accept(C,S)){ <C>; print C "HTTP/1.0 200 OK\\r\\n\\r\\n$ENV{HOSTNAME}\\n"; close C }';
  return ['/usr/bin/perl', '-e', program];
}

export function imageTarget(nodeFolder: string): ImageTarget {
  const paths = containerdPaths(nodeFolder);
  const configuration = readFileSync(paths.configuration, 'utf8');
  return {
    socket: paths.socket,
    snapshotter: /^\s*snapshotter = "(\w+)"/m.exec(configuration)?.[1] ?? 'overlayfs',
    majorVersion: /^version = 3/m.test(configuration) ? 2 : 1,
  };
}

/** Puts the image into a running cluster's containerd. */
export async function loadTestImage(nodeFolder: string): Promise<void> {
  const copies = PROGRAMS.filter((path) => existsSync(path)).map((path) => ({ source: path, destination: path }));
  await packImage(imageTarget(nodeFolder), { name: TEST_IMAGE, base: 'scratch', copies, withLibraries: true });
}
