// What the servers behind say of themselves: their resources and OpenAPI documents, kept from one look to the next
// (kube-aggregator apiserver/handler_discovery.go, controllers/openapi*/aggregator).
import type { DelegatedVersion, ResourceRow } from '../discovery/delegated.ts';
import { type FetchOptions, fetchDocument } from './availability.ts';
import type { ApiService } from './backend.ts';
import { isAvailable } from './proxy.ts';

const READER = { name: 'system:aggregator', groups: ['system:authenticated'] };

interface Known {
  rows?: readonly ResourceRow[];
  /** The rows' text, to see a change. */
  text?: string;
  openApiV2?: object;
  openApiV2Etag?: string;
  openApiV3Url?: string;
}

function parsed(bytes: Buffer): any {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

export class RemoteDocuments {
  readonly #options: FetchOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: FetchOptions) {
    this.#options = options;
  }

  /** Takes the resource list in; true when it says something new. */
  resources(name: string, document: Buffer): boolean {
    const known = this.#of(name);
    const text = document.toString();
    if (known.text === text) return false;
    const rows = parsed(document)?.resources;
    known.text = text;
    if (Array.isArray(rows)) known.rows = rows as ResourceRow[];
    return true;
  }

  /** Reads the OpenAPI documents; a server may have none. True when something is new. */
  async openApi(apiService: ApiService): Promise<boolean> {
    const known = this.#of(apiService.metadata!.name!);
    const { openApiV2Etag: etagBefore, openApiV3Url: urlBefore } = known;
    const path = `apis/${apiService.spec!.group}/${apiService.spec!.version}`;
    const get = (url: string, headers = {}) => fetchDocument(this.#options, apiService, url, READER, headers).catch(() => undefined);
    const [v2, v3] = await Promise.all([get('/openapi/v2', etagBefore ? { 'if-none-match': etagBefore } : {}), get('/openapi/v3')]);
    if (v2?.status === 200) {
      const document = parsed(v2.bytes);
      if (document?.paths) {
        known.openApiV2 = document;
        known.openApiV2Etag = String(v2.headers.etag ?? v2.bytes.length);
      }
    }
    const url = v3?.status === 200 ? parsed(v3.bytes)?.paths?.[path]?.serverRelativeURL : undefined;
    if (typeof url === 'string') known.openApiV3Url = url;
    return known.openApiV2Etag !== etagBefore || known.openApiV3Url !== urlBefore;
  }

  forget(name: string): void {
    this.#known.delete(name);
  }

  version(apiService: ApiService): DelegatedVersion {
    const { group, version, groupPriorityMinimum, versionPriority } = apiService.spec!;
    const { rows, openApiV2, openApiV3Url } = this.#known.get(apiService.metadata!.name!) ?? {};
    return {
      group: group ?? '',
      version: version ?? '',
      groupPriority: groupPriorityMinimum,
      versionPriority,
      available: isAvailable(apiService),
      ...(rows ? { rows } : {}),
      ...(openApiV2 ? { openApiV2 } : {}),
      ...(openApiV3Url ? { openApiV3Url } : {}),
    };
  }

  #of(name: string): Known {
    let known = this.#known.get(name);
    if (!known) {
      known = {};
      this.#known.set(name, known);
    }
    return known;
  }
}
