// Asks an API server on a failing disk to write and to read, and notes what it answered.
import type { ApiHandler, HttpMethod } from '@tiphys/machinery';
import type { Fact } from './judge.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';

export interface Asking {
  facts: Fact[];
  /** What was acknowledged. */
  known: ReadonlyMap<string, string>;
  /** null deletes. */
  write(name: string, value: string | null): Promise<void>;
  /** Everything acknowledged can be read while writes fail. */
  read(): Promise<void>;
}

async function ask(server: ApiHandler, method: HttpMethod, url: string, body?: object): Promise<{ code: number; object: any }> {
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const headers = { 'content-type': type, accept: 'application/json' };
  const response = await server.handle({ method, url, headers, ...(body ? { body } : {}) });
  return { code: response.status, object: response.body.kind === 'object' ? response.body.object : undefined };
}

export function asking(server: ApiHandler, tell: (fact: Fact) => void = () => {}): Asking {
  const known = new Map<string, string>();
  const facts: Fact[] = [];
  const note = (fact: Fact) => {
    facts.push(fact);
    tell(fact);
  };
  return {
    facts,
    known,
    async write(name, value) {
      const url = `${MAPS}/${name}`;
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } };
      const { code, object: answer } =
        value === null
          ? await ask(server, 'DELETE', url)
          : known.has(name)
            ? await ask(server, 'PATCH', url, object)
            : await ask(server, 'POST', MAPS, object);
      note({ type: 'write', name, value, code, message: code >= 300 ? (answer?.message ?? '') : '' });
      if (code >= 300) return;
      if (value === null) known.delete(name);
      else known.set(name, value);
    },
    async read() {
      const { code, object } = await ask(server, 'GET', MAPS);
      const found = new Map<string, string>((object?.items ?? []).map((item: any) => [item.metadata.name, item.data.value]));
      const isSame = code === 200 && found.size === known.size && [...known].every(([name, value]) => found.get(name) === value);
      const [name] = known.keys();
      const one = name === undefined ? { code: 200 } : await ask(server, 'GET', `${MAPS}/${name}`);
      const problem = !isSame
        ? `a list was answered with ${code} and ${found.size} objects`
        : one.code !== 200
          ? `a get was answered with ${one.code}`
          : '';
      note({ type: 'read', problem });
    },
  };
}
