// etcd's own history of keys, by its JSON gateway: without our client, so that what servers say is held against what there is
// (etcd Documentation/dev-guide/api_grpc_gateway.md).
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';

export interface Recorded {
  type: 'put' | 'delete';
  key: string;
  revision: number;
  /** It was not there before. */
  created: boolean;
  /** Of a deletion: what was there. */
  value: string;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const text = (encoded: string | undefined) => Buffer.from(encoded ?? '', 'base64').toString();

interface GatewayEvent {
  type?: 'DELETE';
  kv: { key: string; value?: string; mod_revision: string; create_revision?: string };
  prev_kv?: { value?: string };
}

function recordedOf({ type, kv, prev_kv }: GatewayEvent): Recorded {
  const revision = Number(kv.mod_revision);
  if (type === 'DELETE') return { type: 'delete', key: text(kv.key), revision, created: false, value: text(prev_kv?.value) };
  return { type: 'put', key: text(kv.key), revision, created: kv.create_revision === kv.mod_revision, value: text(kv.value) };
}

async function post(url: string, body: object): Promise<IncomingMessage> {
  const asked = request(url, { method: 'POST' });
  asked.end(JSON.stringify(body));
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response.setEncoding('utf8');
}

/** The newest revision of a member that knows the majority's. */
export async function revisionOf(endpoint: string): Promise<number> {
  let answer = '';
  for await (const piece of await post(`${endpoint}/v3/kv/range`, { key: base64('/'), keys_only: true, limit: 1 })) answer += piece;
  return Number(JSON.parse(answer).header.revision);
}

/** Everything under a prefix that ends with `/`, after a revision and up to another, which has happened. */
export async function recorded(endpoint: string, prefix: string, start: number, end: number): Promise<Recorded[]> {
  const range_end = `${prefix.slice(0, -1)}0`;
  const create_request = { key: base64(prefix), range_end: base64(range_end), start_revision: String(start + 1), prev_kv: true };
  const stream = await post(`${endpoint}/v3/watch`, { create_request });
  const all: Recorded[] = [];
  let rest = '';
  for await (const piece of stream) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop()!;
    for (const line of lines.filter(Boolean)) {
      const { result, error } = JSON.parse(line) as { result?: { events?: GatewayEvent[]; canceled?: boolean }; error?: object };
      if (!result || result.canceled) throw new Error(`etcd does not tell its history: ${JSON.stringify(error ?? result)}`);
      all.push(...(result.events ?? []).map(recordedOf));
    }
    if ((all.at(-1)?.revision ?? start) >= end) break;
  }
  stream.destroy();
  return all.filter(({ revision }) => revision <= end);
}
