// `exec`: channels over a WebSocket, v5.channel.k8s.io, or v4 with servers that know no better (client-go
// tools/remotecommand/websocket.go; KEP-4006).
import { corev1, pathOf } from '@tiphys/api';
import type { Status } from '@tiphys/machinery';
import type { RawData, WebSocket } from 'ws';
import { CommandError, PlainFailure, type Terminal } from '../terminal.ts';
import { choosePods, defaultContainer, requireContainer } from './pods.ts';
import { type ConnectionFlags, inSession, type Session } from './session.ts';

export interface ExecFlags extends ConnectionFlags {
  container?: string;
  stdin?: boolean;
  tty?: boolean;
  quiet?: boolean;
}

const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
const CLOSE = 255;
const STDIN_CHUNK_BYTES = 32 * 1024;
/** Standard input waits while this much is on its way. */
const SENDING_BYTES_MAX = 1024 * 1024;

const frame = (channel: number, data: Uint8Array | string): Buffer =>
  Buffer.concat([Buffer.from([channel]), Buffer.from(data as Uint8Array)]);

/** The exit code, or the failure, that the server's last word tells. */
export function exitCodeOf(status: Pick<Status, 'status' | 'reason' | 'message' | 'details'>): number {
  if (status.status === 'Success') return 0;
  if (status.reason === 'NonZeroExitCode') {
    const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
    const code = Number(cause?.message);
    if (Number.isInteger(code)) return code;
  }
  throw new CommandError(status.message ?? 'unknown error');
}

function sendStdin(socket: WebSocket, terminal: Terminal): () => void {
  const { stdin } = terminal;
  const onData = (chunk: Buffer | string) => {
    const bytes = Buffer.from(chunk as string);
    for (let offset = 0; offset < bytes.length; offset += STDIN_CHUNK_BYTES) {
      socket.send(frame(STDIN, bytes.subarray(offset, offset + STDIN_CHUNK_BYTES)), () => {
        if (socket.bufferedAmount < SENDING_BYTES_MAX) stdin.resume();
      });
    }
    if (socket.bufferedAmount >= SENDING_BYTES_MAX) stdin.pause();
  };
  // Only v5 can say that the input has ended.
  const onEnd = () => socket.protocol === PROTOCOLS[0] && socket.send(Buffer.from([CLOSE, STDIN]));
  stdin.on('data', onData);
  stdin.on('end', onEnd);
  return () => {
    stdin.off('data', onData);
    stdin.off('end', onEnd);
    stdin.pause();
  };
}

/** Each key at once, and the window's size to the other side. */
function rawTerminal(socket: WebSocket, terminal: Terminal): () => void {
  const { stdin, stdout } = terminal;
  const resize = () => {
    if (stdout.columns && stdout.rows) socket.send(frame(RESIZE, JSON.stringify({ Width: stdout.columns, Height: stdout.rows })));
  };
  stdin.setRawMode?.(true);
  stdout.on('resize', resize);
  resize();
  return () => {
    stdin.setRawMode?.(false);
    stdout.off('resize', resize);
  };
}

/** Carries the streams until the command has ended; the result is its exit code. */
function carry(socket: WebSocket, terminal: Terminal, flags: ExecFlags): Promise<number> {
  return new Promise((settle, reject) => {
    const undo: (() => void)[] = [];
    let told = false;
    const finish = (outcome: () => number) => {
      if (told) return;
      told = true;
      for (const step of undo) step();
      try {
        settle(outcome());
      } catch (error) {
        reject(error);
      }
    };
    socket.on('message', (data: RawData) => {
      const bytes = data as Buffer;
      const content = bytes.subarray(1);
      if (bytes[0] === STDOUT && content.length > 0) terminal.stdout.write(content);
      else if (bytes[0] === STDERR && content.length > 0) terminal.stderr.write(content);
      else if (bytes[0] === ERROR && content.length > 0) finish(() => exitCodeOf(JSON.parse(content.toString('utf8'))));
    });
    socket.on('error', (error) =>
      finish(() => {
        throw new CommandError(error.message);
      }),
    );
    socket.on('close', () =>
      finish(() => {
        throw new CommandError('the connection was closed before the command ended');
      }),
    );
    if (flags.tty && flags.stdin) undo.push(rawTerminal(socket, terminal));
    if (flags.stdin) undo.push(sendStdin(socket, terminal));
    socket.resume();
  });
}

async function open(session: Session, name: string, words: readonly string[], flags: ExecFlags): Promise<WebSocket> {
  const { pods } = await choosePods(session, name);
  const pod = pods[0]!;
  const { phase } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed')
    throw new CommandError(`cannot exec into a container in a completed pod; current phase is ${phase}`);
  const container = flags.container ? requireContainer(pod, flags.container) : defaultContainer(session, pod);
  const query = new URLSearchParams([...words.map((word): [string, string] => ['command', word]), ['container', container]]);
  if (flags.stdin) query.set('stdin', 'true');
  query.set('stdout', 'true');
  // A terminal has one stream for both.
  if (flags.tty) query.set('tty', 'true');
  else query.set('stderr', 'true');
  const path = pathOf(corev1.pods, pod.metadata?.namespace, pod.metadata?.name ?? '', 'exec');
  return session.connection.handler.connect(`${path}?${query}`, PROTOCOLS);
}

export async function runExec(name: string, words: readonly string[], given: ExecFlags, terminal: Terminal): Promise<void> {
  const flags = { ...given };
  if (flags.tty && flags.stdin && !terminal.stdin.isTTY) {
    if (!flags.quiet) terminal.error('Unable to use a TTY - input is not a terminal or the right kind of file\n');
    flags.tty = false;
  }
  const code = await inSession(flags, terminal, async (session) => {
    const socket = await open(session, name, words, flags);
    try {
      return await carry(socket, terminal, flags);
    } finally {
      socket.close();
    }
  });
  if (code !== 0) throw new PlainFailure(`command terminated with exit code ${code}`, code);
}
