// Carries out the nft commands that the proxy writes, as strictly as the kernel: what is deleted must be there, what is
// added must not stand there with another value, and nothing may point to what is missing.
import assert from 'node:assert/strict';

export class TableImitation {
  #chains = new Map<string, string[]>();
  #containers = new Map<string, Map<string, string>>();
  #sets = new Set<string>();

  run(text: string) {
    for (const line of text.split('\n').filter(Boolean)) this.#command(line);
    this.#checkReferences();
  }

  /** Everything but empty chains, which may wait for their deletion. */
  contents(): object {
    const sorted = <V>(entries: Iterable<[string, V]>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      chains: sorted([...this.#chains].filter(([, rules]) => rules.length > 0)),
      containers: sorted([...this.#containers].map(([name, elements]): [string, unknown] => [name, sorted(elements)])),
      sets: [...this.#sets].sort(),
    };
  }

  #command(line: string) {
    const [verb, kind, , , ...rest] = line.split(' ') as [string, string, string, string, ...string[]];
    const [name = ''] = rest;
    const body = rest.slice(1).join(' ');
    const what = `${verb} ${kind}`;
    if (what === 'delete table') {
      this.#chains = new Map();
      this.#containers = new Map();
      this.#sets = new Set();
    } else if (what === 'add chain') {
      if (!this.#chains.has(name)) this.#chains.set(name, []);
    } else if (what === 'flush chain') {
      assert.ok(this.#chains.has(name), line);
      this.#chains.set(name, []);
    } else if (what === 'add rule') {
      assert.ok(this.#chains.has(name), line);
      this.#chains.get(name)!.push(body);
    } else if (kind === 'set' && name.startsWith('affinity-')) {
      assert.equal(this.#sets.has(name), verb === 'delete', line);
      if (verb === 'add') this.#sets.add(name);
      else this.#sets.delete(name);
    } else if (what === 'add set' || what === 'add map') {
      this.#containers.set(name, new Map());
    } else if (kind === 'element') {
      this.#elements(verb, name, body, line);
    } else assert.equal(what, 'add table', line);
  }

  #elements(verb: string, name: string, body: string, line: string) {
    const container = this.#containers.get(name);
    assert.ok(container, line);
    for (const item of body.slice(2, -2).split(', ')) {
      const [key = '', value = ''] = item.split(' : ');
      assert.equal(container.has(key), verb === 'delete', line);
      if (verb === 'add') container.set(key, value);
      else container.delete(key);
    }
  }

  #checkReferences() {
    const verdicts = [...this.#containers.values()].flatMap((elements) => [...elements.values()]);
    for (const text of [...[...this.#chains.values()].flat(), ...verdicts]) {
      for (const [, chain] of text.matchAll(/(?:goto|jump) ([^\s,}]+)/g)) assert.ok(this.#chains.has(chain!), `${text}: no chain ${chain}`);
      for (const [, set] of text.matchAll(/@(affinity-[^\s]+)/g)) assert.ok(this.#sets.has(set!), `${text}: no set ${set}`);
    }
  }
}
