// One member of etcd over gRPC: requests with one answer, and streams.
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { type ClientDuplexStream, credentials, Client as GrpcClient, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Clock } from '@tiphys/runtime';
import { codec } from '@tiphys/std';
import { Code, EtcdError } from './errors.ts';
import { etcdMessages } from './messages.ts';

const messages = codec(etcdMessages);

export interface TlsOptions {
  /** PEM texts. Without an authority the machine's are trusted. */
  authorityPem?: string;
  certificatePem?: string;
  keyPem?: string;
}

/** As kube-apiserver has it (storage/storagebackend/factory/etcd3.go); etcd refuses pings more often than every 5 s. */
const KEEPALIVE_TIME_MS = 10_000;
const KEEPALIVE_TIMEOUT_MS = 5_000;
const RECONNECT_MS_MAX = 1_000;
/** Answers are as long as they are; requests are limited by etcd. */
const UNLIMITED = -1;

const NAME_OF_ADDRESSES = 'etcd';
const CLOSED = 'the connection is closed';

const identity = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export interface Stream<Request> {
  send(message: Request): void;
  /** Nothing more will be sent. */
  finish(): void;
  cancel(): void;
}

export interface StreamHandlers<Answer> {
  onMessage(message: Answer): void;
  /** Called once, however it ends. */
  onEnd(error?: EtcdError): void;
}

export class Connection {
  readonly endpoint: string;
  readonly #client: GrpcClient;
  readonly #clock: Clock;
  #closed = false;

  constructor(endpoint: string, clock: Clock, tls: TlsOptions) {
    this.endpoint = endpoint;
    this.#clock = clock;
    const { protocol, host, hostname } = new URL(endpoint);
    // No name can be asked for in the handshake where there is only an address; the certificate has to name the address all the same.
    const address = hostname.replace(/^\[|\]$/g, '');
    const byAddress = isIP(address) ? { 'grpc.ssl_target_name_override': NAME_OF_ADDRESSES } : {};
    const checks = { checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(address, certificate) };
    const buffer = (pem: string | undefined) => (pem === undefined ? null : Buffer.from(pem));
    const secure = () => credentials.createSsl(buffer(tls.authorityPem), buffer(tls.keyPem), buffer(tls.certificatePem), checks);
    this.#client = new GrpcClient(host, protocol === 'https:' ? secure() : credentials.createInsecure(), {
      'grpc.max_receive_message_length': UNLIMITED,
      'grpc.max_send_message_length': UNLIMITED,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX,
      'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      ...byAddress,
    });
  }

  call<T>(method: string, name: string, request: object, token: string | undefined, timeoutMs: number): Promise<T> {
    if (this.#closed) return Promise.reject(new EtcdError(Code.CANCELLED, CLOSED, this.endpoint));
    return new Promise((resolve, reject) => {
      // gRPC wants an absolute time.
      const deadline = new Date(this.#clock.now() + timeoutMs);
      const bytes = messages.encode(`${name}Request`, request);
      this.#client.makeUnaryRequest(
        method,
        identity,
        (answer) => answer,
        bytes,
        metadataOf(token),
        { deadline },
        (error, answer) => {
          if (error) reject(this.#errorFrom(error));
          else resolve(messages.decode<T>(`${name}Response`, answer!));
        },
      );
    });
  }

  stream<Request extends object, Answer>(
    method: string,
    name: string,
    token: string | undefined,
    { onMessage, onEnd }: StreamHandlers<Answer>,
  ): Stream<Request> {
    if (this.#closed) throw new EtcdError(Code.CANCELLED, CLOSED, this.endpoint);
    const call: ClientDuplexStream<Uint8Array, Buffer> = this.#client.makeBidiStreamRequest(
      method,
      identity,
      (answer: Buffer) => answer,
      metadataOf(token),
    );
    let open = true;
    const end = (error?: EtcdError) => {
      if (!open) return;
      open = false;
      onEnd(error);
    };
    call.on('data', (bytes: Buffer) => {
      if (open) onMessage(messages.decode<Answer>(`${name}Response`, bytes));
    });
    call.on('error', (error: ServiceError) => end(this.#errorFrom(error)));
    call.on('end', () => end());
    return {
      send: (message) => {
        if (open) call.write(messages.encode(`${name}Request`, message));
      },
      finish: () => call.end(),
      cancel: () => {
        call.cancel();
        end();
      },
    };
  }

  close(): void {
    this.#closed = true;
    this.#client.close();
  }

  #errorFrom(error: ServiceError): EtcdError {
    return new EtcdError(error.code ?? Code.UNKNOWN, error.details ?? error.message, this.endpoint, { cause: error });
  }
}

function metadataOf(token: string | undefined): Metadata {
  const metadata = new Metadata();
  // A member that is cut off from the others says so at once, instead of letting the request wait.
  metadata.set('hasleader', 'true');
  if (token !== undefined) metadata.set('token', token);
  return metadata;
}
