// The few figures that people graph, under upstream's names, in Prometheus' text form (apiserver endpoints/metrics).
import type { RequestInfo } from './interfaces.ts';
import type { Family } from './metrics/family.ts';
import type { Resources } from './resources.ts';

/** Different label sets that are counted apart; what comes after is counted together. */
export const SERIES_MAX = 5000;

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));

export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #families: Family[] = [];
  #inFlight = 0;

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Figures that other parts keep. */
  add(families: readonly Family[]): void {
    this.#families.push(...families);
  }

  begin(): void {
    this.#inFlight++;
  }

  end(info: RequestInfo | undefined, code: number): void {
    this.#inFlight--;
    const labels = [
      ['code', String(code)],
      ['group', info?.apiGroup ?? ''],
      ['resource', info?.resource ?? ''],
      ['scope', !info?.isResourceRequest ? '' : info.name ? 'resource' : info.namespace ? 'namespace' : 'cluster'],
      ['subresource', info?.isResourceRequest ? info.subresource : ''],
      ['verb', (info?.verb ?? '').toUpperCase()],
      ['version', info?.apiVersion ?? ''],
    ] as const;
    // What is not served must not fill the memory with names that callers make up.
    const known = code !== 404 || (info?.name ?? '') !== '';
    const key = labels.map(([name, value]) => `${name}="${escaped(known || name === 'code' || name === 'verb' ? value : '')}"`).join(',');
    const counted = this.#requests.has(key) || this.#requests.size < SERIES_MAX ? key : `code="${code}",resource="other"`;
    this.#requests.set(counted, (this.#requests.get(counted) ?? 0) + 1);
  }

  text(resources: Resources): string {
    const lines = ['# HELP apiserver_request_total Requests answered.', '# TYPE apiserver_request_total counter'];
    for (const [labels, count] of this.#requests) lines.push(`apiserver_request_total{${labels}} ${count}`);
    lines.push('# HELP apiserver_current_inflight_requests Requests being answered.', '# TYPE apiserver_current_inflight_requests gauge');
    lines.push(`apiserver_current_inflight_requests{request_kind="all"} ${this.#inFlight}`);
    lines.push('# HELP apiserver_storage_objects Stored objects by resource.', '# TYPE apiserver_storage_objects gauge');
    const watchers: string[] = [];
    for (const endpoint of resources.all()) {
      if (!endpoint.sendsStored || endpoint.definition.review) continue;
      const { group, resource, version, kind } = endpoint.type;
      const name = group ? `${resource}.${group}` : resource;
      lines.push(`apiserver_storage_objects{resource="${name}"} ${endpoint.cache.size}`);
      watchers.push(
        `apiserver_longrunning_requests{group="${group}",kind="${kind}",resource="${resource}",verb="WATCH",version="${version}"} ${endpoint.cache.watchers}`,
      );
    }
    lines.push('# HELP apiserver_longrunning_requests Watches under way.', '# TYPE apiserver_longrunning_requests gauge', ...watchers);
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    lines.push('# HELP process_resident_memory_bytes Resident memory size in bytes.', '# TYPE process_resident_memory_bytes gauge');
    lines.push(`process_resident_memory_bytes ${memory.rss}`);
    lines.push(
      '# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.',
      '# TYPE process_cpu_seconds_total counter',
    );
    lines.push(`process_cpu_seconds_total ${(cpu.user + cpu.system) / 1e6}`);
    for (const family of this.#families) family.write(lines);
    return `${lines.join('\n')}\n`;
  }
}
