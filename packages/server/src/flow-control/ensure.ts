// Keeps upstream's default FlowSchemas and PriorityLevelConfigurations: mandatory ones always, suggested ones as long as their
// annotation says so (pkg/registry/flowcontrol/rest/storage_flowcontrol.go, pkg/registry/flowcontrol/ensurer/strategy.go).
import { flowcontrolv1, type KubeObject, type ResourceType } from '@tiphys/api';
import { isConflict, isNotFound, jsonEqual } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { Runtime } from '@tiphys/runtime';
import { FLOW_SCHEMAS, PRIORITY_LEVELS } from '../bootstrap/flow-control.ts';
import type { Loopback } from '../bootstrap/loopback.ts';
import { CATCH_ALL, EXEMPT } from './configuration.ts';

const ENSURE_INTERVAL_MS = 60_000;
const AUTO_UPDATE = 'apf.kubernetes.io/autoupdate-spec';
const MANDATORY = new Set([EXEMPT, CATCH_ALL]);
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

type Configured = KubeObject & { spec?: object };

function annotated({ metadata }: KubeObject): boolean | undefined {
  const value = metadata?.annotations?.[AUTO_UPDATE];
  return value === undefined ? undefined : TRUE.has(value) ? true : FALSE.has(value) ? false : undefined;
}

/** What the level called exempt is given and lends is the administrator's to say. */
function wantedSpec(wanted: Configured, current: Configured): object | undefined {
  const { exempt } = (current as flowcontrolv1.PriorityLevelConfiguration).spec ?? {};
  if (wanted.metadata!.name !== EXEMPT || !(wanted as flowcontrolv1.PriorityLevelConfiguration).spec?.exempt || !exempt) return wanted.spec;
  return { ...wanted.spec, exempt: { ...exempt } };
}

/** The object as it should be; undefined when nothing is to be done. */
export function revised<T extends Configured>(current: T, wanted: T): T | undefined {
  const updates = MANDATORY.has(wanted.metadata!.name!) || (annotated(current) ?? current.metadata?.generation === 1);
  const spec = updates ? wantedSpec(wanted, current) : current.spec;
  // JSON drops what is absent, as the stored form does.
  const changes = updates && !jsonEqual(JSON.parse(JSON.stringify(spec)), current.spec);
  if (!changes && annotated(current) === updates) return undefined;
  const annotations = { ...current.metadata?.annotations, [AUTO_UPDATE]: String(updates) };
  return { ...current, metadata: { ...current.metadata, annotations }, ...(changes ? { spec } : {}) };
}

async function ensureOne<T extends Configured>(client: Loopback, reader: ResourceReader, type: ResourceType<T>, wanted: T): Promise<void> {
  const current = reader.get(type, wanted.metadata!.name!);
  if (!current) return void (await client.ensure(type, wanted));
  const next = revised(current, wanted);
  if (!next) return;
  // Somebody else's change is looked at the next time.
  await client.update(type, next).catch((error) => {
    if (!isConflict(error)) throw error;
  });
}

async function removeFormer<T extends Configured>(
  client: Loopback,
  reader: ResourceReader,
  type: ResourceType<T>,
  wanted: readonly T[],
): Promise<void> {
  const names = new Set(wanted.map(({ metadata }) => metadata!.name!));
  for (const object of reader.list(type)) {
    const name = object.metadata!.name!;
    if (names.has(name) || annotated(object) !== true) continue;
    await client.delete(type, name).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
  }
}

export async function ensureFlowControl(client: Loopback, reader: ResourceReader): Promise<void> {
  const { prioritylevelconfigurations, flowschemas } = flowcontrolv1;
  await Promise.all(PRIORITY_LEVELS.map((each) => ensureOne(client, reader, prioritylevelconfigurations, each)));
  await Promise.all(FLOW_SCHEMAS.map((each) => ensureOne(client, reader, flowschemas, each)));
  await removeFormer(client, reader, flowschemas, FLOW_SCHEMAS);
  await removeFormer(client, reader, prioritylevelconfigurations, PRIORITY_LEVELS);
}

/** Looks after them while the server runs. Returns a stop function. */
export function keepFlowControl(client: Loopback, reader: ResourceReader, { clock, log }: Runtime): () => void {
  const again = () =>
    clock.after(ENSURE_INTERVAL_MS, () => {
      ensureFlowControl(client, reader).catch((error) => log.error('the objects of priority and fairness were not repaired', error));
      timer = again();
    });
  let timer = again();
  return () => timer.cancel();
}
