// `apply`: three-way merge of what was applied last, what the file says and what the server has; or server-side apply
// (kubectl pkg/cmd/apply/apply.go, patcher.go; pkg/util/apply.go).
import { type KubeObject, schemaTable, typeNameOfKind } from '@tiphys/api';
import {
  applyMergePatch,
  applyStrategicMergePatch,
  createThreeWayJsonMergePatch,
  createThreeWayMergePatch,
  isConflict,
  isNotFound,
  StatusError,
} from '@tiphys/machinery';
import { CommandError, type Terminal, throwFailures } from '../terminal.ts';
import { type FileFlags, type Item, itemOf, readManifests } from './manifests.ts';
import { nameText, objectPrinter } from './output.ts';
import { type ConnectionFlags, inSession, type Session } from './session.ts';
import { compactJson } from './text.ts';

export interface ApplyFlags extends ConnectionFlags, FileFlags {
  serverSide?: boolean;
  forceConflicts?: boolean;
  fieldManager?: string;
  dryRun?: 'none' | 'client' | 'server';
  validate: string;
  output?: string;
  showManagedFields?: boolean;
}

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
export const CONFLICT_RETRY_MAX = 5;

const VALIDATION: Record<string, string> = { strict: 'Strict', true: 'Strict', warn: 'Warn', ignore: 'Ignore', false: 'Ignore' };

interface Applied {
  object: KubeObject;
  operation: 'created' | 'configured' | 'unchanged' | 'serverside-applied';
}

/** The server's refusal with the file it is about. */
export function withSource(error: unknown, verb: string, source: string): unknown {
  if (error instanceof StatusError)
    return new StatusError(error.code, error.reason, `error when ${verb} ${JSON.stringify(source)}: ${error.message}`, error.details);
  return error;
}

/** The object with the annotation that remembers it. */
function remembered(object: KubeObject): KubeObject {
  const annotations = { ...(object.metadata?.annotations as Record<string, string> | undefined) };
  delete annotations[LAST_APPLIED];
  const bare = { ...object, metadata: { ...object.metadata, annotations } };
  const text = `${compactJson(bare)}\n`;
  return { ...bare, metadata: { ...bare.metadata, annotations: { ...annotations, [LAST_APPLIED]: text } } };
}

function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => (typeof item === 'object' && item !== null ? withoutNulls(item) : item)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  ) as T;
}

interface Patch {
  body: object;
  contentType: string;
}

function patchOf(item: Item, modified: KubeObject, current: KubeObject): Patch {
  const before = (current.metadata?.annotations as Record<string, string> | undefined)?.[LAST_APPLIED];
  let original: object | undefined;
  try {
    original = before ? JSON.parse(before) : undefined;
  } catch (error) {
    throw new CommandError(`retrieving original configuration of ${nameText(current)}: ${(error as Error).message}`);
  }
  const { group, version, kind } = item.resource;
  const typeName = typeNameOfKind(group, version, kind);
  if (!typeName) return { body: createThreeWayJsonMergePatch(original, modified, current), contentType: 'application/merge-patch+json' };
  const body = createThreeWayMergePatch(original, modified, current, schemaTable, typeName);
  return { body, contentType: 'application/strategic-merge-patch+json' };
}

/** What the server would make of the patch. */
function patchedHere({ resource }: Item, current: KubeObject, body: object): KubeObject {
  const typeName = typeNameOfKind(resource.group, resource.version, resource.kind);
  return typeName ? applyStrategicMergePatch(current, body, schemaTable, typeName) : applyMergePatch(current, body);
}

class Applier {
  readonly #session: Session;
  readonly #flags: ApplyFlags;
  readonly #query: Record<string, string | undefined>;

  constructor(session: Session, flags: ApplyFlags) {
    this.#session = session;
    this.#flags = flags;
    this.#query = {
      fieldManager: flags.fieldManager ?? (flags.serverSide ? 'kubectl' : 'kubectl-client-side-apply'),
      fieldValidation: VALIDATION[flags.validate],
      ...(flags.dryRun === 'server' ? { dryRun: 'All' } : {}),
    };
  }

  async apply(item: Item): Promise<Applied> {
    if (item.name === '') {
      const generated = item.object.metadata?.generateName;
      throw new CommandError(
        generated
          ? `from ${generated}: cannot use generate name with apply`
          : `error when applying ${JSON.stringify(item.source)}: resource name may not be empty`,
      );
    }
    return this.#flags.serverSide ? this.#serverSide(item) : this.#clientSide(item);
  }

  async #serverSide(item: Item): Promise<Applied> {
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    const query = { ...this.#query, force: this.#flags.forceConflicts ? 'true' : 'false' };
    try {
      const object = await this.#session.call('PATCH', item.path, { body: item.object, headers, query });
      return { object, operation: 'serverside-applied' };
    } catch (error) {
      if (!isConflict(error)) throw error;
      throw new CommandError(`${(error as Error).message}
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`);
    }
  }

  async #clientSide(item: Item): Promise<Applied> {
    const modified = remembered(item.object);
    for (let attempt = 0; ; attempt++) {
      try {
        const current = await this.#session.call<KubeObject>('GET', item.path).catch((error) => {
          if (isNotFound(error)) return undefined;
          throw error;
        });
        return current ? await this.#patch(item, modified, current, attempt === 0) : await this.#create(item, modified);
      } catch (error) {
        if (!(isConflict(error) && attempt < CONFLICT_RETRY_MAX)) throw error;
      }
    }
  }

  async #create(item: Item, modified: KubeObject): Promise<Applied> {
    const body = withoutNulls(modified);
    if (this.#flags.dryRun === 'client') return { object: body, operation: 'created' };
    try {
      return { object: await this.#session.call('POST', item.collection, { body, query: this.#query }), operation: 'created' };
    } catch (error) {
      throw withSource(error, 'creating', item.source);
    }
  }

  async #patch(item: Item, modified: KubeObject, current: KubeObject, first: boolean): Promise<Applied> {
    if (first && !(current.metadata?.annotations as Record<string, string> | undefined)?.[LAST_APPLIED])
      this.#session.terminal.error(
        `Warning: resource ${item.resource.resource}/${item.name} is missing the ${LAST_APPLIED} annotation which is required by tiphys apply. tiphys apply should only be used on resources created declaratively by either tiphys create --save-config or tiphys apply. The missing annotation will be patched automatically.\n`,
      );
    const { body, contentType } = patchOf(item, modified, current);
    if (Object.keys(body).length === 0) return { object: current, operation: 'unchanged' };
    if (this.#flags.dryRun === 'client') return { object: patchedHere(item, current, body), operation: 'configured' };
    try {
      const object = await this.#session.call('PATCH', item.path, { body, headers: { 'content-type': contentType }, query: this.#query });
      if (object.metadata?.deletionTimestamp)
        this.#session.terminal.error(`Warning: Detected changes to resource ${item.name} which is currently being deleted.\n`);
      return { object, operation: 'configured' };
    } catch (error) {
      if (isConflict(error)) throw error;
      throw withSource(error, 'patching', item.source);
    }
  }
}

const SUFFIX: Record<string, string> = { client: ' (dry run)', server: ' (server dry run)', none: '' };

export async function runApply(flags: ApplyFlags, terminal: Terminal): Promise<void> {
  if (!flags.filename) throw new CommandError('must specify one of -f and -k');
  if (flags.forceConflicts && !flags.serverSide) throw new CommandError('--force-conflicts only works with --server-side');
  if (flags.dryRun === 'client' && flags.serverSide)
    throw new CommandError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)");
  const print = objectPrinter(flags.output, terminal, { showManagedFields: flags.showManagedFields ?? false });
  const manifests = await readManifests(flags, terminal);
  if (manifests.length === 0) throw new CommandError('no objects passed to apply');
  await inSession(flags, terminal, async (session) => {
    const applier = new Applier(session, flags);
    const errors: unknown[] = [];
    const objects: KubeObject[] = [];
    for (const manifest of manifests) {
      try {
        const { object, operation } = await applier.apply(await itemOf(session, manifest));
        objects.push(object);
        if (!print) terminal.out(`${nameText(object)} ${operation}${SUFFIX[flags.dryRun ?? 'none']}\n`);
      } catch (error) {
        errors.push(error);
      }
    }
    if (print && objects.length > 0) {
      const { listOf } = await import('./output.ts');
      terminal.out(print(objects.length === 1 ? objects[0]! : listOf(objects)));
    }
    throwFailures(errors);
  });
}
