// One gRPC connection over a unix socket: unary calls and server streams of messages from a codec.
import { type ClientReadableStream, credentials, Client as GrpcClient, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Clock } from '@tiphys/runtime';
import type { Codec } from '@tiphys/std';
import { CriError } from './errors.ts';

export interface Channel {
  call<T>(codec: Codec, method: string, request: [type: string, value: object], answer: string, timeoutMs: number): Promise<T>;
  /** Calls onMessage for each message until the stream ends; resolves then, or rejects. */
  stream<T>(codec: Codec, method: string, request: [type: string, value: object], answer: string, options: StreamOptions<T>): Promise<void>;
  /** Resolves when the other side accepts connections. */
  ready(timeoutMs: number): Promise<void>;
  close(): void;
}

export interface StreamOptions<T> {
  onMessage: (message: T) => void;
  /** Called when the other side has accepted the call. */
  onOpen?: () => void;
  signal: AbortSignal;
}

/** Answers of ListContainers with thousands of entries and ExecSync outputs; upstream's client allows 16 MiB. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;
const RECONNECT_MS_MAX = 1000;

const identity = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const errorFrom = (error: ServiceError) => new CriError(error.code ?? 2, error.details ?? error.message, { cause: error });

/** `namespace` is containerd's, for its own services; CRI needs none. */
export function openChannel(socket: string, clock: Clock, namespace?: string): Channel {
  const client = new GrpcClient(`unix:${socket}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX,
    'grpc.enable_retries': 0,
  });
  const metadata = () => {
    const values = new Metadata();
    if (namespace) values.set('containerd-namespace', namespace);
    return values;
  };
  return {
    call: (codec, method, [type, value], answer, timeoutMs) =>
      new Promise((resolve, reject) => {
        const request = codec.encode(type, value);
        // gRPC wants an absolute time; undefined would wait for ever.
        const deadline = timeoutMs === 0 ? Number.POSITIVE_INFINITY : new Date(clock.now() + timeoutMs);
        client.makeUnaryRequest(
          method,
          identity,
          (bytes) => bytes,
          request,
          metadata(),
          { deadline },
          (error, bytes) => {
            if (error) reject(errorFrom(error));
            else resolve(codec.decode(answer, bytes!));
          },
        );
      }),
    stream: (codec, method, [type, value], answer, { onMessage, onOpen, signal }) =>
      new Promise((resolve, reject) => {
        const call: ClientReadableStream<Buffer> = client.makeServerStreamRequest(
          method,
          identity,
          (bytes: Buffer) => bytes,
          codec.encode(type, value),
          metadata(),
        );
        const cancel = () => call.cancel();
        signal.addEventListener('abort', cancel, { once: true });
        const finish = (error?: ServiceError) => {
          signal.removeEventListener('abort', cancel);
          if (error && !signal.aborted) reject(errorFrom(error));
          else resolve();
        };
        call.on('metadata', () => onOpen?.());
        call.on('data', (bytes: Buffer) => onMessage(codec.decode(answer, bytes)));
        call.on('error', finish);
        call.on('end', () => finish());
        if (signal.aborted) cancel();
      }),
    ready: (timeoutMs) =>
      new Promise((resolve, reject) => {
        client.waitForReady(new Date(clock.now() + timeoutMs), (error) => {
          if (error) reject(new CriError(14, error.message, { cause: error }));
          else resolve();
        });
      }),
    close: () => client.close(),
  };
}
