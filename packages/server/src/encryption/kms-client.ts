// Speaks to a KMS plugin on this machine: the gRPC service of k8s.io/kms apis/v2/api.proto.
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { Clock } from '@tiphys/runtime';
import { codec } from '@tiphys/std';

export const kmsMessages = {
  StatusRequest: '',
  StatusResponse: '1 version string,2 healthz string,3 keyId string',
  DecryptRequest: '1 ciphertext bytes,2 uid string,3 keyId string,4 annotations map:string:bytes',
  DecryptResponse: '1 plaintext bytes',
  EncryptRequest: '1 plaintext bytes,2 uid string',
  EncryptResponse: '1 ciphertext bytes,2 keyId string,3 annotations map:string:bytes',
  EncryptedObject:
    '1 encryptedData bytes,2 keyId string,3 encryptedDEKSource bytes,4 annotations map:string:bytes,5 encryptedDEKSourceType int32',
};

export const kmsCodec = codec(kmsMessages);

export type Annotations = Record<string, Uint8Array>;

export interface KmsClient {
  status(): Promise<{ version?: string; healthz?: string; keyId?: string }>;
  decrypt(request: { ciphertext: Uint8Array; uid: string; keyId: string; annotations?: Annotations }): Promise<{ plaintext?: Uint8Array }>;
  encrypt(request: { plaintext: Uint8Array; uid: string }): Promise<{ ciphertext?: Uint8Array; keyId?: string; annotations?: Annotations }>;
  close(): void;
}

/** `endpoint`: such as unix:///run/kms.sock. */
export function kmsClient(endpoint: string, timeoutMs: number, clock: Clock): KmsClient {
  const client = new Client(endpoint.replace(/^unix:\/\/\/@/, 'unix-abstract:'), credentials.createInsecure());
  const call = <T>(method: string, request: object): Promise<T> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/v2.KeyManagementService/${method}`,
        (message: object) => Buffer.from(kmsCodec.encode(`${method}Request`, message)),
        (bytes: Buffer) => kmsCodec.decode<T>(`${method}Response`, bytes),
        request,
        new Metadata(),
        { deadline: clock.now() + timeoutMs },
        (error, response) => (error ? reject(error) : resolve(response as T)),
      );
    });
  return {
    status: () => call('Status', {}),
    decrypt: (request) => call('Decrypt', request),
    encrypt: (request) => call('Encrypt', request),
    close: () => client.close(),
  };
}
