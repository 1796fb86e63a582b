// Compaction of etcd by one server at a time, by the agreement that kube-apiservers have: whoever raises the version of one key
// first compacts (apiserver storage/etcd3/compact.go).
import type { EtcdClient } from './client.ts';
import { isCompacted } from './errors.ts';
import { CompareTarget } from './messages.ts';

/** Its value is the revision up to which history was forgotten. */
export const COMPACTED_KEY = Buffer.from('compact_rev_key');

export class Compactor {
  readonly #client: EtcdClient;
  /** Version of the key when this server last looked. */
  #version = 0;

  constructor(client: EtcdClient) {
    this.#client = client;
  }

  /** Does nothing when another server has compacted since the last call. */
  async compact(revision: number): Promise<void> {
    const { succeeded, responses } = await this.#client.txn({
      compare: [{ result: 0, target: CompareTarget.VERSION, key: COMPACTED_KEY, version: this.#version }],
      success: [{ requestPut: { key: COMPACTED_KEY, value: Buffer.from(String(revision)) } }],
      failure: [{ requestRange: { key: COMPACTED_KEY } }],
    });
    if (!succeeded) {
      this.#version = responses?.[0]?.responseRange?.kvs?.[0]?.version ?? 0;
      return;
    }
    this.#version++;
    try {
      await this.#client.compact(revision);
    } catch (error) {
      if (!isCompacted(error)) throw error;
    }
  }
}
