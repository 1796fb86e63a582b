// Conversion between versions by a webhook (apiextensions apiserver/conversion/webhook_converter.go).
import { apiVersionOf, type KubeObject, type ResourceType } from '@tiphys/api';
import { StatusError } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { Random } from '@tiphys/runtime';
import type { WebhookCaller } from '../admission/webhook/call.ts';
import type { Definition } from './conditions.ts';

const GROUP = 'apiextensions.k8s.io';
const TIMEOUT_SECONDS = 30;
const REVIEW_VERSIONS = ['v1', 'v1beta1'];

export interface ConversionOptions {
  caller: WebhookCaller;
  reader: ResourceReader;
  random: Random;
}

/** All objects in the wanted version, in their order. Rejects with StatusError. */
export type Converter = (objects: readonly KubeObject[], to: ResourceType) => Promise<KubeObject[]>;

type Plain = Record<string, unknown>;
type Metadata = Record<string, unknown> & { labels?: unknown; annotations?: unknown };

/** How Go prints a group, version and kind. */
function kindText({ apiVersion = '', kind = '' }: KubeObject): string {
  const [version, group = ''] = apiVersion.split('/').reverse();
  return `${group}/${version}, Kind=${kind}`;
}

/** An error that upstream has no reason for. */
const failure = (message: string): StatusError => new StatusError(500, '', message);

function convertedObjects(answer: any, version: string, uid: string): unknown[] {
  const { response } = answer ?? {};
  if (version === 'v1') {
    const [answerVersion, answerGroup = ''] = String(answer?.apiVersion ?? '')
      .split('/')
      .reverse();
    if (answer?.kind !== 'ConversionReview' || answerGroup !== GROUP || answerVersion !== 'v1') {
      throw new Error(
        `expected webhook response of ${GROUP}/v1, Kind=ConversionReview, got ${answerGroup}/${answerVersion}, Kind=${answer?.kind ?? ''}`,
      );
    }
  }
  if (!response) throw new Error('no response provided');
  if (version === 'v1' && response.uid !== uid) {
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  }
  const status = response.result?.status ?? '';
  if (status !== 'Success') throw new Error(response.result?.message || `response.result.status was '${status}', not 'Success'`);
  return Array.isArray(response.convertedObjects) ? response.convertedObjects : [];
}

function checkIdentity(original: KubeObject, converted: KubeObject): void {
  const same = (what: string, a = '', b = '') => {
    if (a !== b) throw new Error(`must have the same ${what}: ${a} != ${b}`);
  };
  same('kind', original.kind, converted.kind);
  same('name', original.metadata?.name, converted.metadata?.name);
  same('namespace', original.metadata?.namespace, converted.metadata?.namespace);
  same('UID', original.metadata?.uid, converted.metadata?.uid);
}

/** Of the metadata only labels and annotations are the webhook's to change. */
function restoredMetadata(original: KubeObject, converted: KubeObject): Metadata {
  const given = converted.metadata as Metadata | undefined;
  if (given === undefined) throw new Error('missing metadata in converted object');
  const { labels: _l, annotations: _a, ...metadata } = structuredClone(original.metadata ?? {}) as Metadata;
  const restored: Metadata = metadata;
  for (const field of ['labels', 'annotations'] as const) {
    const value = given[field];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'object' || Array.isArray(value))
      throw new Error(`invalid metadata.${field} of type ${typeof value} in converted object`);
    for (const [key, text] of Object.entries(value)) {
      if (typeof text === 'string') continue;
      throw new Error(`metadata.${field}[${key}] must be a string, but is ${typeof text} in converted object`);
    }
    restored[field] = value;
  }
  return restored;
}

function accepted(original: KubeObject, answer: unknown, to: ResourceType, index: number): KubeObject {
  const prefix = `conversion webhook for ${kindText(original)} returned invalid`;
  const converted = answer as KubeObject & Plain;
  const wanted = apiVersionOf(to);
  const at = `object at index ${index}`;
  if (typeof answer !== 'object' || answer === null) throw failure(`${prefix} ${at}: not an object`);
  if (converted.apiVersion !== wanted) {
    throw failure(`${prefix} ${at}: invalid groupVersion (expected ${wanted}, received ${converted.apiVersion ?? ''})`);
  }
  if (converted.kind !== original.kind) {
    throw failure(`${prefix} ${at}: invalid kind (expected ${original.kind}, received ${converted.kind ?? ''})`);
  }
  try {
    checkIdentity(original, converted);
  } catch (error) {
    throw failure(`${prefix} object: ${(error as Error).message}`);
  }
  try {
    const { kind, apiVersion, metadata: _, ...rest } = converted;
    return { kind, apiVersion, metadata: restoredMetadata(original, converted), ...rest } as KubeObject;
  } catch (error) {
    throw failure(`${prefix} metadata: ${(error as Error).message}`);
  }
}

export function webhookConverter(crd: Definition, { caller, reader, random }: ConversionOptions): Converter {
  const { clientConfig, conversionReviewVersions = [] } = crd.spec.conversion!.webhook!;
  const version = conversionReviewVersions.find((each) => REVIEW_VERSIONS.includes(each));
  return async (objects, to) => {
    const first = objects[0];
    if (!first) return [];
    if (!version) throw failure('no supported conversion review versions');
    const uid = random.uuid();
    const request = { uid, desiredAPIVersion: apiVersionOf(to), objects };
    let answers: unknown[];
    try {
      const review = { kind: 'ConversionReview', apiVersion: `${GROUP}/${version}`, request };
      answers = convertedObjects(await caller.call(clientConfig!, review, TIMEOUT_SECONDS, reader), version, uid);
    } catch (error) {
      throw failure(`conversion webhook for ${kindText(first)} failed: ${(error as Error).message}`);
    }
    if (answers.length !== objects.length) {
      throw failure(`conversion webhook for ${kindText(first)} returned ${answers.length} objects, expected ${objects.length}`);
    }
    return objects.map((object, i) => accepted(object, answers[i], to, i));
  };
}
